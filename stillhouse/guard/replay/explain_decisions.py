"""The decisions about a campaign or an account, with what ln e had to reach at each, and what made accounts its own."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillhouse.config import load
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.replay.agreement import check_count
from stillhouse.guard.replay.lookup import records

__all__ = ["became", "belonging", "belongs_from", "decisions_of", "decisions_told", "linked_by"]


def decisions_of(folder: Path) -> list[dict[str, Any]]:
    """All of a replay, in their order, each with `needed`: -ln of its level. RecordError where one is gone."""
    found = records(folder / "decisions.jsonl")
    check_count(folder, len(found))
    return [{**one, "needed": -math.log(one["level"])} for one in found]


def decisions_told(decisions: list[dict[str, Any]]) -> list[str]:
    """The same for people, a line each."""
    if not decisions:
        return ["decisions: none"]
    lines = ["decisions:"]
    for one in decisions:
        count, subject = len(one["accounts"]), one["subject"]
        about = f"{count:,} account{'s' * (count != 1)}"
        by = f" by group {one['group']}" if one.get("group") else f" of {subject['kind']} {subject['id']}"
        review = "" if one["review"] == "none" else f", review {one['review']}"
        lines.append(
            f"  {one['time']} {one['action']} {about}{review}: ln e {one['log_e']:.2f}{by}, needed {one['needed']:.2f}"
        )
    return lines


def became(name: str, campaign: Mapping[str, Any]) -> list[str]:
    """A line where the campaign `name` is now another one, with whose groups it turned out to be one campaign."""
    return [] if name == campaign["campaign"] else [f"{name} became {campaign['campaign']}: they turned out to be one"]


def linked_by(link: Mapping[str, Any]) -> str:
    """What the two accounts of a link have in common."""
    if link["shares"] is not None:
        return str(link["shares"])
    return "in a group that was divided anew since" if link["group"] is None else f"both in group {link['group']}"


def belongs_from(folder: Path) -> dict[str, float]:
    """The log odds from which on an account was a campaign's, and likely one's."""
    settings = load(DetectSettings, folder / "resolved.yaml")
    return {"surely": settings.membership, "likely": settings.likely}


def belonging(belongs_from: Mapping[str, float]) -> str:
    """The same for people."""
    return "an account is a campaign's from {surely:g} on, and likely one's from {likely:g}".format_map(belongs_from)
