"""Whether the files of a replay agree: what is gone from one of them is not told as if it had never been."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.access.entities import ACTIONS
from stillhouse.guard.replay.lookup import looked_up
from stillhouse.guard.replay.shapes import AGAIN

__all__ = ["check_action", "check_alone"]

_NO_EVIDENCE = -745.0


def check_action(folder: Path, about: str, action: str, decisions: Iterable[Mapping[str, Any]]) -> None:
    """RecordError where the strongest of the `decisions` on accounts that are meant is not the `action` on record."""
    strongest = max((one["action"] for one in decisions), key=ACTIONS.index, default="none")
    if strongest != action:
        raise RecordError(
            f"{folder / 'decisions.jsonl'}: the strongest action on {about} is '{strongest}' by its decisions, and "
            f"'{action}' by its record; {AGAIN}"
        )


def check_alone(folder: Path, account: Mapping[str, Any]) -> None:
    """RecordError where an account without evidence of its own has more than that of its campaign."""
    campaign, log_e = account["campaign"], _NO_EVIDENCE
    if campaign is not None:
        found = looked_up(folder / "campaigns.jsonl", "campaign", campaign)
        if found is None:
            raise RecordError(
                f"{folder / 'campaigns.jsonl'}: has no campaign '{campaign}', and account '{account['account']}' is in "
                f"it; {AGAIN}"
            )
        log_e = found["log_e"]
    if account["log_e"] != log_e:
        raise RecordError(
            f"{folder / 'alone.jsonl'}: has no account '{account['account']}', whose ln e = {account['log_e']} comes "
            f"from there; {AGAIN}"
        )
