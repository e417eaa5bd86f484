"""`stillhouse guard ingest`: logs of other gateways as one exchange log."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result
from stillhouse.printable import printable

__all__ = ["ingest"]


def ingest(
    source: Annotated[
        str, typer.Argument(metavar="FORMAT", help="What wrote the files: litellm, envoy, otel or openai-batch.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Its files; .gz and .zst are unpacked.")],
    out: Annotated[Path, typer.Option("--out", help="Log to make: a new .jsonl or .jsonl.zst file.")],
    account: Annotated[
        str | None,
        typer.Option("--account", help="The field that says whose request it is; =NAME for one name in every row."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="OURS=THEIRS",
            help="Where another field of ours stands; OURS==TEXT for one text in every row. Repeatable.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End at the first row that cannot be read, instead of setting it aside.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Read what another gateway logged into an exchange log."""
    with one_line_errors():
        from stillhouse.guard.ingest.importing import import_logs

        with console_for(quiet).status("reading") as status:
            result = import_logs(
                source, files, out, account=account, fields=field or [], strict=strict, progress=status.update
            ).as_dict()
        print_result(result, as_json, _text(result))


def _text(result: dict[str, Any]) -> str:
    lines = [
        f"{result['exchanges']:,} exchanges, {result['duplicates']:,} duplicates dropped, "
        f"{result['rejected']:,} rows set aside",
        f"from {result['first']} to {result['last']}",
    ]
    if result["passed_over"]:
        kinds = ", ".join(f"{printable(kind)} {count:,}" for kind, count in result["passed_over"].items())
        lines.append(f"passed over: {kinds}")
    if result["back_in_time"]:
        lines.append(f"not in time order: {result['back_in_time']:,} begin before the one in front of them")
    lines.append(f"log       {result['log']}")
    if result["rejected_lines"]:
        lines.append(f"set aside {result['rejected_lines']}, the first for: {printable(result['first_reason'])}")
    return "\n".join(lines)
