"""`stillhouse distill collect`: a teacher's answers to a prompt file."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result
from stillhouse.config import load

__all__ = ["collect"]


def collect(
    config: Annotated[Path, typer.Argument(help="YAML file; every key is in docs/collect.md.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder to make; default runs/<config's name>.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, and ask again what failed.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Collect a served teacher's answers to a prompt file."""
    with one_line_errors(resumable=True):
        from stillhouse.distill.collect.collection import collect
        from stillhouse.distill.collect.settings import CollectSettings

        place = out or Path("runs") / config.stem
        manifest = collect(
            load(CollectSettings, config, overrides or []),
            place,
            resume=resume,
            console=console_for(quiet),
            command=["stillhouse", *sys.argv[1:]],
            environ=os.environ,
        )
        result = {
            "run": str(place),
            "messages": str(place / "messages.jsonl"),
            **{key: manifest[key] for key in ("counts", "tokens", "api_cost")},
        }
        print_result(result, as_json, _text(result))


def _text(result: dict[str, Any]) -> str:
    from stillhouse.models.spending import money

    counts, tokens, cost = result["counts"], result["tokens"], result["api_cost"]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts["dropped"].items())
    cost_text = money(cost["value"])
    lines = [
        f"{counts['items']:,} items: {counts['answered']:,} answered, {counts['failed']:,} failed",
        f"{counts['kept']:,} kept, {counts['answered'] - counts['kept']:,} dropped"
        + (f" ({reasons})" if reasons else ""),
        f"{tokens['input']:,} tokens read, {tokens['output']:,} written, {cost_text} {cost['currency']}",
        f"answers   {result['messages']}",
    ]
    if counts["checked"]:
        lines.insert(2, f"{counts['right']:,} of {counts['checked']:,} that can be checked are right")
    if counts["failed"]:
        lines.append("answers.jsonl says why some failed; the same command with --resume asks them again")
    if counts["answered"] and counts["dropped"].get("truncated") == counts["answered"]:
        lines.append(
            "all were cut off: keep them (filters.truncated=keep, --resume), or start anew with a higher max_tokens"
        )
    return "\n".join(lines)
