"""`stillhouse range traffic`: composed traffic, for developing and measuring what should tell campaigns from people."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, console_for, interrupted_by_sigterm, one_line_errors, print_result

__all__ = ["traffic"]


def traffic(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML file; every key is in docs/range.md.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")] = Path("traffic"),
    corpus: Annotated[
        Path | None, typer.Option("--corpus", help="Folder of text to ask with; none is text that comes with packages.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compose a log of honest people, look-alikes and campaigns, with the truth beside it."""
    with one_line_errors(), interrupted_by_sigterm():
        from stillhouse.range.scenario import corpus_of, load_scenario
        from stillhouse.range.writing import write_traffic
        from stillhouse.records import check_free

        loaded = load_scenario(scenario, overrides or [], corpus)
        check_free(out, "--out")
        with console_for(quiet).status("reading the corpus") as status:
            result = write_traffic(
                loaded,
                corpus_of(loaded),
                out,
                progress=lambda number, time: status.update(f"{number:,} exchanges, {time[:16]}"),
            )
        print_result({"out": str(out), **result}, as_json, _text(out, result))


_EARLIER = {"release_day": ", or an earlier population.release_day.day"}


def _text(out: Path, result: dict[str, Any]) -> str:
    kinds = [
        f"  {row['role']:8} {row['kind']:20} {row['accounts']:>9,} accounts {row['exchanges']:>11,} exchanges"
        for row in result["kinds"]
    ]
    lines = [
        f"{result['exchanges']:,} composed exchanges of {result['accounts']:,} accounts",
        f"from {result['first']} to {result['last']}",
        *kinds,
        *(
            f"no exchange of {kind} falls into the composed days; give more days{_EARLIER.get(kind, '')}"
            for kind in result["silent"]
        ),
        *(
            f"campaign {name}: {cut['exchanges']:,} of its {cut['requests']:,} requests fall into the composed days; "
            "give more days, or the campaign an earlier `day` or fewer `hours`"
            for name, cut in result["cut_short"].items()
        ),
    ]
    if result["persistence"]:
        lines.append(
            f"two openings of one person are more alike than two people's by {result['persistence']['difference']:.3f}"
        )
    lines += [f"log      {out / name}" for name in result["files"]]
    lines += [f"truth    {out / 'labels.jsonl'}", f"summary  {out / 'summary.json'}"]
    return "\n".join(lines)
