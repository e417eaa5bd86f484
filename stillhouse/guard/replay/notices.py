"""What whoever reads a log should know of it before he believes what came of it, a line each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["losses", "notices"]

_MANY = 0.01
_MANY_TEXTLESS = 0.1


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
    return lines + _of_exchanges(told)


def losses(told: Mapping[str, Any]) -> list[str]:
    """Why a log may tell less than its length promises, for whoever refuses it."""
    lines = []
    if told["rejected"] > _MANY * (_read(told) + told["rejected"]):
        lines.append(f"{told['rejected']:,} lines were set aside, the first is {told['first_rejected']}")
    return lines + _of_exchanges(told)


def _of_exchanges(told: Mapping[str, Any]) -> list[str]:
    read, lines = _read(told), []

    def share(name: str) -> str:
        return f"{told[name]:,} of {read:,} exchanges ({told[name] / read:.1%})"

    if told["duplicates"] > _MANY * read:
        lines.append(
            f"{share('duplicates')} do not count because their ids had come before, the first is "
            f"'{told['first_duplicate']}': give each exchange an id of its own, and each log once"
        )
    if told["textless"] > _MANY_TEXTLESS * read:
        lines.append(
            f"{share('textless')} say nothing that can be read: `request` has to be the body that `api` names, with a "
            "list `messages` for chat.completions and messages, `input` for responses, `prompt` for completions"
        )
    if told["late"] > _MANY * read:
        lines.append(
            f"{share('late')} are late, and count later than they were asked: a log was shuffled, reversed or put "
            "together of several, or some clocks are wrong; sort it by time, or give its parts as files of their own"
        )
    return lines


def _read(told: Mapping[str, Any]) -> int:
    return int(told["exchanges"] + told["duplicates"])
