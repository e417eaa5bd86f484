"""What detection brings about: an action at once, or a question to a person.

Whoever spoke last about an account (set an action, ended one, or reviewed one) decides about it. Where that was a
person, his word covers all evidence of before it: a decision that rests on nothing newer changes nothing, and one that
does asks. So no appeal that was granted is overruled by what was known when it was granted. What an account is under
already, or waits for, is never made weaker, and a decision that comes a second time finds that and changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from stillhouse.guard.access.checks import is_name
from stillhouse.guard.access.entities import ACTIONS, Action, ActionInForce, Proposal
from stillhouse.guard.access.events import action_proposed, campaign_proposed, campaign_set
from stillhouse.guard.access.in_force import in_force, set_actions
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.access.rows import (
    LastWord,
    actions_in,
    known_accounts,
    last_words,
    proposals_in,
    put_proposals,
)
from stillhouse.guard.ledger.store import Ledger

__all__ = ["DETECTOR", "BroughtAbout", "Found", "bring_about"]

DETECTOR = "detector"
"""The actor of all that detection does, in the ledger and as the last word on an account."""


@dataclass(frozen=True, slots=True)
class Found:
    """A decision of detection. It rests on evidence up to `at`, seconds since 1970; `waits` for a person's word."""

    accounts: Sequence[str]
    campaign: str | None
    action: Action
    waits: bool
    at: float
    reason: str
    because: Mapping[str, Any]


@dataclass(slots=True)
class BroughtAbout:
    """What became of a decision, by account: put in force, asked of a person, or left alone.

    `covered` are under a person's later word, `settled` under as much already, and `unknown` are no accounts of this
    gateway.
    """

    taken: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def bring_about(registry: Registry, found: Found) -> BroughtAbout:
    """Act on a decision in one transaction. The errors are those of `Registry`, and nothing is changed then."""
    done = BroughtAbout()
    with registry.ledger.transaction() as connection:
        known = known_accounts(connection, sorted({id for id in found.accounts if is_name(id)}))
        done.unknown = sorted({*found.accounts} - known)
        now, accounts = registry.clock(), sorted(known)
        before = in_force(actions_in(connection, accounts), now)
        waiting, words = proposals_in(connection, accounts), last_words(connection, accounts)
        for account in accounts:
            place = _place(done, found, words.get(account))
            held = [before.get(account), waiting.get(account) if place is done.asked else None]
            (done.settled if any(_as_strong(one, found) for one in held) else place).append(account)
        if done.taken:
            _take(connection, registry.ledger, found, done.taken, before, now)
        if done.asked:
            _ask(connection, registry.ledger, found, done.asked, now)
    return done


def _place(done: BroughtAbout, found: Found, word: LastWord | None) -> list[str]:
    if word is not None and word.actor != DETECTOR:
        return done.covered if found.at <= word.at else done.asked
    return done.asked if found.waits else done.taken


def _as_strong(held: ActionInForce | Proposal | None, found: Found) -> bool:
    return held is not None and ACTIONS.index(held.action) >= ACTIONS.index(found.action)


def _take(
    connection: Connection,
    ledger: Ledger,
    found: Found,
    accounts: Sequence[str],
    before: Mapping[str, ActionInForce],
    now: float,
) -> None:
    new = [
        ActionInForce(account=account, action=found.action, campaign=found.campaign, reason=found.reason, since=now)
        for account in accounts
    ]
    said = LastWord(DETECTOR, now)
    if found.campaign is None:
        set_actions(connection, ledger, new, before, said, because=found.because)
    else:
        stronger = sum(ACTIONS.index(one.action) > ACTIONS.index(found.action) for one in before.values())
        word = campaign_set(found.campaign, found.action, found.reason, len(new), stronger, DETECTOR, found.because)
        set_actions(connection, ledger, new, before, said, words=[word])


def _ask(connection: Connection, ledger: Ledger, found: Found, accounts: Sequence[str], now: float) -> None:
    because = dict(found.because)
    new = [
        Proposal(
            account=account,
            action=found.action,
            campaign=found.campaign,
            reason=found.reason,
            since=now,
            because=because,
        )
        for account in accounts
    ]
    put_proposals(connection, new)
    events = [action_proposed(one, DETECTOR) for one in new]
    if found.campaign is not None:
        events.insert(
            0, campaign_proposed(found.campaign, found.action, found.reason, len(new), DETECTOR, found.because)
        )
    ledger.extend_in(connection, events)
