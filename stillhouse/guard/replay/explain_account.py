"""What is held against one account: its campaigns, the decisions, its own evidence, taken apart and added up again."""

import math
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.replay.agreement import check_action, check_alone, check_sum
from stillhouse.guard.replay.explain_decisions import (
    became,
    belonging,
    belongs_from,
    decisions_of,
    decisions_told,
    linked_by,
)
from stillhouse.guard.replay.lookup import campaign_of, campaigns, looked_up, record_of, records
from stillhouse.guard.replay.shapes import AGAIN
from stillhouse.printable import printable_all

__all__ = ["explain_account", "explained_account"]


def explain_account(folder: Path, account: str) -> dict[str, Any]:
    """The account's record; as `links` why it belongs to each of its campaigns, with the log odds, as `decisions` those
    about it, with the ln e that each needed, and as `alone` the evidence against it by itself with the sums of what its
    parts and lines add; None where it never asked enough to be judged.

    ConfigError where the folder has no such account, RecordError where files are damaged or the evidence does
    not add up.
    """
    path = folder / "accounts.jsonl"
    found, known = record_of(path, records(path), "account", account), campaigns(folder)
    decisions = [one for one in decisions_of(folder) if account in one["accounts"]]
    check_action(folder, f"account '{account}'", found["action"], decisions)
    about = sorted({one["subject"]["id"] for one in decisions if one["subject"]["kind"] == "campaign"})
    found |= {
        "links": [
            {"campaign": campaign["campaign"], **link}
            for campaign in known
            for link in campaign["links"]
            if link["a"] == account
        ],
        "belongs_from": belongs_from(folder),
        "decisions": decisions,
        "became": [line for name in about for line in became(name, campaign_of(folder, known, name))],
    }
    alone = looked_up(records(folder / "alone.jsonl"), "account", account)
    if alone is None:
        check_alone(folder, found, known)
        return {**found, "alone": None}
    acts = math.fsum(part["surprise"] for part in alone["acts"]["parts"])
    asks = alone["asks"]["surprise"]
    values = {line["line"]: line["value"] for line in alone["lines"]}
    if not {"conduct", "both"} <= values.keys():
        raise RecordError(f"{folder / 'alone.jsonl'}: lacks lines of account '{account}'; {AGAIN}")
    add_up = f"of account '{account}' add up to"
    check_sum(folder, f"the surprises of its conduct {add_up}", acts, values["conduct"])
    check_sum(folder, f"its two surprises {add_up}", asks + acts, values["both"])
    adds = math.fsum(line["adds"] for line in alone["lines"])
    total = math.log(adds) if adds else -math.inf
    check_sum(folder, f"what its lines add, in ln e, {add_up}", total, alone["log_e"])
    return {**found, "alone": {**alone, "adds_up_to": total}}


def explained_account(found: dict[str, Any]) -> str:
    """The same for people. No name in it is more than a part of its line."""
    found = printable_all(found)
    within = f"in campaign {found['campaign']}" if found["campaign"] else "in no campaign"
    lines = [f"account {found['account']}: {found['exchanges']:,} exchanges, {within}, action {found['action']}"]
    for link in found["links"]:
        odds = f"log odds {link['log_lr']:+.2f}; {belonging(found['belongs_from'])}"
        lines.append(f"member of campaign {link['campaign']}: {odds}")
        lines += [f"  {reason}" for reason in link["because"]]
        lines.append(f"  linked with {link['b']}: {linked_by(link)}")
    lines += [*decisions_told(found["decisions"]), *found["became"]]
    alone = found["alone"]
    if alone is None:
        return "\n".join([*lines, "it was not judged by itself: it asked too little"])
    asks, acts = alone["asks"], alone["acts"]
    lines.append("by itself, placed among honest accounts and itself:")
    lines.append(
        f"surprise of its purpose: {asks['surprise']:.2f} nats" + (f", for {asks['cue']}" if asks["cue"] else "")
    )
    lines.append(f"surprise of its conduct: {sum(part['surprise'] for part in acts['parts']):.2f} nats")
    for part in acts["parts"]:
        plan = f" of plan '{acts['plan']}'" if part["name"] == "use" else ""
        lines.append(
            f"  {part['name']:10} {part['number']:8.2f}  {part['surprise']:6.2f} nats among {part['honest']:,} honest "
            f"accounts{plan}"
        )
    for line in alone["lines"]:
        model = ", modelled" if line["modelled"] else ""
        lines.append(
            f"{line['line']:8} {line['value']:6.2f} nats: {_place(line['place'], line['honest'])}  "
            f"ln p {line['log_p']:7.2f}  ln e {line['log_e']:6.2f}  weight {line['weight']:.2f}  adds "
            f"{line['adds']:.4g}{model}"
        )
    lines.append(f"what the lines add: ln of the sum {alone['adds_up_to']:.6f}")
    needed = ", ".join(f"{action} {needed:.2f}" for action, needed in alone["needed"].items()) or "no action is taken"
    lines.append(f"ln e needed at the end of the log: {needed}")
    if alone["also"]:
        also = ", ".join(f"{name} {_shown(value)}" for name, value in alone["also"].items())
        lines.append(f"not weighed: {also}")
    return "\n".join(lines)


def _place(rank: int, honest: int) -> str:
    """Its rank among honest accounts and itself."""
    return f"{'first' if rank == 1 else f'place {rank:,}'} of {honest + 1:,}"


def _shown(value: float | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
