"""What whoever reads a log should know of it before he believes what came of it, a line each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["notices"]

_MANY_LATE = 0.01


def notices(told: Mapping[str, Any], out: Path) -> list[str]:
    """Of a summary with what `Logs.told` says; `out` is the folder that was made."""
    lines = []
    if told["passed_over"]:
        beside = told["passed_over"]
        lines.append(
            f"{len(beside):,} logs were not read, the first is {beside[0]}: where names in a folder begin with "
            "'exchanges', only those logs are; give the others by name too"
        )
    if told["rejected"]:
        lines.append(
            f"{told['rejected']:,} set aside in {out / 'rejected.jsonl'}, which holds prompts; "
            f"the first is {told['first_rejected']}"
        )
    if told["unfinished"]:
        lines.append(f"{len(told['unfinished']):,} logs are cut off; the first is {told['unfinished'][0]}")
    if told["late"] > _MANY_LATE * told["exchanges"]:
        lines.append(
            f"{told['late']:,} of {told['exchanges']:,} exchanges ({told['late'] / told['exchanges']:.1%}) are late, "
            "and count later than they were asked: a log was shuffled, reversed or put together of several, or some "
            "clocks are wrong; sort it by time, or give its parts as files of their own"
        )
    return lines
