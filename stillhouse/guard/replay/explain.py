"""One campaign's evidence, taken apart and added up again."""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.replay.agreement import check_action, check_sum, is_same
from stillhouse.guard.replay.explain_decisions import (
    became,
    belonging,
    belongs_from,
    decisions_of,
    decisions_told,
    linked_by,
)
from stillhouse.guard.replay.lookup import campaign_of, campaigns, looked_up, records
from stillhouse.guard.replay.shapes import AGAIN, NO_EVIDENCE
from stillhouse.printable import printable_all

__all__ = ["explain", "explained"]

_LINES = {"either": "either view", "content": "words", "times": "times"}
_FACTS = {"requests_each": "requests each"}


def explain(folder: Path, asked: str) -> dict[str, Any]:
    """The record of the campaign that was `asked` for, or that this one became, with its evidence, for its strongest
    group the sum of what each line adds, and as `decisions` each decision with the ln e that it needed and the `group`
    whose evidence it rests on.

    ConfigError where the folder has no such campaign, RecordError where its files are damaged, or the evidence does not
    add up to its `log_e` or to that of a decision.
    """
    found = campaign_of(folder, campaigns(folder), asked)
    campaign = found["campaign"]
    evidence = looked_up(records(folder / "evidence.jsonl"), "campaign", campaign)
    strongest = evidence and next((one for one in evidence["groups"] if one["group"] == evidence["decided_by"]), None)
    if evidence is None or strongest is None:
        raise RecordError(
            f"{folder / 'evidence.jsonl'}: lacks the evidence that decided on campaign '{campaign}'; {AGAIN}"
        )
    total = (_sums(strongest) or [NO_EVIDENCE])[-1]
    check_sum(folder, f"the evidence of campaign '{campaign}' adds up to ln e =", total, found["log_e"])
    members, names = set(found["accounts"]), {campaign, *found["merged"]}
    every = decisions_of(folder)
    on_members = [one for one in every if not members.isdisjoint(one["accounts"])]
    check_action(folder, f"campaign '{campaign}'", found["action"], on_members)
    decisions = [one for one in every if one["subject"]["id"] in names]
    for decision in decisions:
        decision["group"] = _deciding(folder, evidence["groups"], decision)
    return {
        **found,
        "asked": asked,
        "evidence": evidence,
        "adds_up_to": total,
        "decisions": decisions,
        "belongs_from": belongs_from(folder),
    }


def explained(found: dict[str, Any]) -> str:
    """The same for people. No name in it is more than a part of its line."""
    found = printable_all(found)
    evidence, decisions = found["evidence"], found["decisions"]
    strongest, deciding = evidence["decided_by"], {one["group"] for one in decisions}
    lines = [
        *became(found["asked"], found),
        f"campaign {found['campaign']}: {len(found['accounts']):,} accounts, first seen {found['first_seen']}, "
        f"action {found['action']}, ln e {found['log_e']:.2f}",
        *decisions_told(decisions),
        *_course_told(evidence["course"]),
    ]
    for group in sorted(evidence["groups"], key=lambda one: (one["group"] not in deciding, one["group"] != strongest)):
        marks = ["decides"] * (group["group"] in deciding) + ["strongest"] * (group["group"] == strongest)
        lines += _group_told(group, f" ({', '.join(marks)})" if marks else "")
    lines.append(f"what the lines of the strongest group add: ln of the sum {found['adds_up_to']:.6f}")
    lines.append(f"links of {len(found['links']):,} accounts; {belonging(found['belongs_from'])}:")
    lines += [
        f"  {link['a']} - {link['b']}, {linked_by(link)}: log odds {link['log_lr']:+.2f} ({'; '.join(link['because'])})"
        for link in found["links"]
    ]
    return "\n".join(lines)


def _course_told(course: Mapping[str, Any] | None) -> Iterable[str]:
    if course is None:
        return
    yield "how its accounts came and went, which is not weighed:"
    yield f"  ramp: the mean moment of its requests is {course['ramp']:.2f} of the way from the first to the newest"
    yield f"  burst: {course['burst']:.0%} of its accounts asked first within one of 24 equal parts of that time"
    failover = course["failover"]
    if failover is not None:
        before, after = failover["accounts"]
        yield (
            f"  failover: {before:,} accounts came first, nearly all over by {failover['over']}, and {after:,} later, "
            f"nearly all from {failover['begun']} on; ln p of as close by chance {failover['log_p']:.2f}"
        )


def _group_told(group: Mapping[str, Any], marks: str) -> Iterable[str]:
    shared = f"share {group['shares']}, {group['in_reference']:,} in the reference do"
    if group["kind"] == "community":
        shared = f"are bound by {group['tokens']:,} things, which some or all of them share"
    yield f"group {group['group']}{marks}: {group['accounts']:,} accounts {shared}; ln e {group['log_e']:.2f}"
    for bound in group["bound_by"]:
        yield (
            f"  bound by {bound['shares']}: {bound['accounts']:,} of its accounts, {bound['in_reference']:,} in the "
            f"reference; ln of the share here over the share there {bound['log_lift']:+.2f}"
        )
    for look, so_far in zip(group["looks"], _sums(group), strict=True):
        yield (
            f"  look at {look['time']}, ln of its share of the level {look['log_share_of_level']:.2f}, "
            f"ln e so far {so_far:.2f}"
        )
        for line in look["lines"]:
            facts = ", ".join(f"{_FACTS.get(name, name)} {_shown(value)}" for name, value in line["facts"].items())
            model = ", modelled" if line["modelled"] else ""
            yield (
                f"    {_LINES[line['line']]:11} ln p {line['log_p']:8.2f}  ln e {line['log_e']:7.2f}  weight "
                f"{line['weight']:.2f}  adds {line['adds']:.4g}  ({facts}{model})"
            )


def _sums(group: Mapping[str, Any]) -> list[float]:
    """ln e of a group after each of its looks."""
    so_far = accumulate(math.fsum(line["adds"] for line in look["lines"]) for look in group["looks"])
    return [math.log(adds) if adds else NO_EVIDENCE for adds in so_far]


def _deciding(folder: Path, groups: Iterable[Mapping[str, Any]], decision: Mapping[str, Any]) -> str:
    """The group whose looks up to the decision add up to its ln e; of several, which say the same, the first."""
    for group in groups:
        for look, so_far in zip(group["looks"], _sums(group), strict=True):
            if look["time"] <= decision["time"] and is_same(so_far, decision["log_e"]):
                return str(group["group"])
    raise RecordError(
        f"{folder}: the evidence of no group of campaign '{decision['subject']['id']}' adds up to the ln e = "
        f"{decision['log_e']} of its decision of {decision['time']}; {AGAIN}"
    )


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
