"""Whether the files of a replay agree: what is gone from one of them is not told as if it had never been."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.access.entities import ACTIONS
from stillhouse.guard.replay.lookup import CAMPAIGNS, looked_up
from stillhouse.guard.replay.shapes import AGAIN, NO_EVIDENCE
from stillhouse.records.files import decode_line

__all__ = ["check_action", "check_alone", "check_count", "check_sum", "is_same"]

_TOLERANCE = 1e-9


def is_same(computed: float, told: float) -> bool:
    """But for rounding."""
    return abs(computed - told) <= _TOLERANCE * max(1.0, abs(told))


def check_sum(folder: Path, adds_up_to: str, computed: float, told: float) -> None:
    """RecordError, with what it is that `adds_up_to` the computed number, where its record says another one."""
    if not is_same(computed, told):
        raise RecordError(f"{folder}: {adds_up_to} {computed}, and its record says {told}; {AGAIN}")


def check_action(folder: Path, about: str, action: str, decisions: Iterable[Mapping[str, Any]]) -> None:
    """RecordError where the strongest of the `decisions` on accounts that are meant is not the `action` on record."""
    actions = (one["action"] for one in decisions if one["action"] in ACTIONS)  # which `restore` is not
    strongest = max(actions, key=ACTIONS.index, default="none")
    if strongest != action:
        raise RecordError(
            f"{folder / 'decisions.jsonl'}: the strongest action on {about} is '{strongest}' by its decisions, and "
            f"'{action}' by its record; {AGAIN}"
        )


def check_count(folder: Path, decisions: int) -> None:
    """RecordError where the summary counts other decisions than there are."""
    path = folder / "summary.json"
    try:
        summary = decode_line(path.read_bytes(), str(path))
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; {AGAIN}") from None
    told = summary.get("decisions") if isinstance(summary, dict) else None
    if told != decisions:
        raise RecordError(
            f"{folder / 'decisions.jsonl'}: has {decisions} decisions, and {path.name} says {told}; {AGAIN}"
        )


def check_alone(folder: Path, account: Mapping[str, Any], campaigns: Iterable[dict[str, Any]]) -> None:
    """RecordError where an account without evidence of its own has more than that of its campaign."""
    campaign, log_e = account["campaign"], NO_EVIDENCE
    if campaign is not None:
        found = looked_up(campaigns, "campaign", campaign)
        if found is None:
            raise RecordError(
                f"{folder / CAMPAIGNS}: has no campaign '{campaign}', and account '{account['account']}' is in "
                f"it; {AGAIN}"
            )
        log_e = found["log_e"]
    if account["log_e"] != log_e:
        raise RecordError(
            f"{folder / 'alone.jsonl'}: has no account '{account['account']}', whose ln e = {account['log_e']} comes "
            f"from there; {AGAIN}"
        )
