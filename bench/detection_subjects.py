"""Ours alone: what was decided about whom, as an online procedure counts it, and how evidence grew.

A baseline flags accounts and states no error. We decide about subjects (campaigns, and accounts by themselves), each
action with a false discovery rate, so what was stated can be held against what came.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.detection_scores import ACTIONS
from stillhouse.errors import RecordError
from stillhouse.records import microseconds

__all__ = ["courses", "decided", "discoveries", "milliseconds"]

Records = Sequence[Mapping[str, Any]]
_HOUR = 3_600_000


def milliseconds(time: str) -> int:
    """Milliseconds since 1970 of a time in our own files. Raises RecordError where it is none."""
    found = microseconds(time)
    if found is None:
        raise RecordError(f"decision at {time!r}: that is no time; mend the file")
    return found // 1000


def decided(decisions: Records) -> Iterable[tuple[Sequence[str], str, int]]:
    """(accounts, action, time) of each line of `decisions.jsonl`, as `first_actions` takes them."""
    return ((one["accounts"], one["action"], milliseconds(one["time"])) for one in decisions)


def discoveries(decisions: Records, campaigns: Mapping[str, str | None]) -> dict[str, dict[str, dict[str, int]]]:
    """For `campaign` and `account` subjects and each action: on how many it or a stronger one was taken, how many of
    these are false, how many accounts were hit, each once however many subjects hit it, and how many of those are
    honest.

    `campaigns` has each account's campaign, None for an honest one. A subject is false for an action where more than
    half of the accounts that it hit with it are honest.
    """
    hit: dict[tuple[str, str, str], set[str]] = {}
    for one in decisions:
        if one["action"] != "restore":
            kind, id = one["subject"]["kind"], one["subject"]["id"]
            for action in ACTIONS[: ACTIONS.index(one["action"]) + 1]:
                hit.setdefault((kind, action, id), set()).update(one["accounts"])
    found = {
        kind: {action: {"subjects": 0, "false": 0, "accounts": 0, "honest": 0} for action in ACTIONS}
        for kind in ("campaign", "account")
    }
    hit_by_any: dict[tuple[str, str], set[str]] = {}
    for (kind, action, _), accounts in hit.items():
        counts = found[kind][action]
        counts["subjects"] += 1
        counts["false"] += 2 * _honest(accounts, campaigns) > len(accounts)
        hit_by_any.setdefault((kind, action), set()).update(accounts)
    for (kind, action), accounts in hit_by_any.items():
        found[kind][action] |= {"accounts": len(accounts), "honest": _honest(accounts, campaigns)}
    return found


def _honest(accounts: Iterable[str], campaigns: Mapping[str, str | None]) -> int:
    return sum(campaigns[account] is None for account in accounts)


def courses(
    decisions: Records, campaigns: Mapping[str, str | None], begins: Mapping[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """For each campaign that was decided about: ln e, action and what ln e had to reach (`needed`), at each decision
    that was not as the last one, with the hours since `begins` (when the campaign's own first exchange was).

    Of several subjects that are one campaign, the one with most of its accounts is followed.
    """
    subjects: dict[str, list[Mapping[str, Any]]] = {}
    for one in decisions:
        if one["subject"]["kind"] == "campaign" and one["action"] != "restore":
            subjects.setdefault(one["subject"]["id"], []).append(one)
    followed: dict[str, tuple[int, list[Mapping[str, Any]]]] = {}
    for lines in subjects.values():
        of = Counter(campaigns[account] for one in lines for account in one["accounts"])
        campaign, accounts = of.most_common(1)[0]
        if campaign is not None and accounts > followed.get(campaign, (0, []))[0]:
            followed[campaign] = accounts, lines
    return {campaign: _course(lines, begins[campaign]) for campaign, (_, lines) in sorted(followed.items())}


def _course(lines: Records, begin: int) -> list[dict[str, Any]]:
    course: list[dict[str, Any]] = []
    for one in lines:
        point = {"log_e": one["log_e"], "action": one["action"], "needed": -math.log(one["level"])}
        if not course or any(course[-1][name] != value for name, value in point.items()):
            course.append({"hours": (milliseconds(one["time"]) - begin) / _HOUR, **point})
    return course
