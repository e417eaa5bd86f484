"""How what is in force on accounts changes, in a transaction of the caller's: rows, who spoke, entries of the ledger.

Operators, reviewers and detection all come through here, so that each of their actions is recorded, in force on every
gateway and taken back in the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from stillhouse.guard.access.documents import RESTORED, document_of
from stillhouse.guard.access.entities import ActionInForce, Proposal, Verdict
from stillhouse.guard.access.events import account_reviewed, action_ended, action_set, campaign_reviewed
from stillhouse.guard.access.rows import LastWord, actions_in, next_version, put_actions, put_words
from stillhouse.guard.ledger.entry import Event
from stillhouse.guard.ledger.store import Ledger

__all__ = ["confirm", "end_actions", "in_force", "review_proposals", "set_actions"]


def in_force(actions: Mapping[str, ActionInForce], now: float) -> dict[str, ActionInForce]:
    """Those whose time is not over."""
    return {account: one for account, one in actions.items() if one.until is None or one.until > now}


def set_actions(
    connection: Connection,
    ledger: Ledger,
    new: Sequence[ActionInForce],
    before: Mapping[str, ActionInForce],
    said: LastWord,
    *,
    because: Mapping[str, Any] | None = None,
    words: Iterable[Event] = (),
) -> None:
    """Put accounts under actions, in the place of those `before`; `words` come first in the ledger."""
    documents = {one.account: document_of(one, "account") for one in new}
    put_actions(connection, documents, next_version(connection), said)
    events = [action_set(one, before.get(one.account), said.actor, because) for one in new]
    ledger.extend_in(connection, [*words, *events])


def end_actions(
    connection: Connection,
    ledger: Ledger,
    before: Sequence[ActionInForce],
    said: LastWord,
    reason: str,
    words: Iterable[Event] = (),
) -> None:
    """End what accounts are under; nothing where `before` is empty."""
    if before:
        put_actions(connection, {one.account: RESTORED for one in before}, next_version(connection), said)
        events = [action_ended(one, reason, said.actor) for one in before]
        ledger.extend_in(connection, [*words, *events])


def confirm(
    connection: Connection, ledger: Ledger, reviewed: Sequence[ActionInForce], said: LastWord, word: Event
) -> None:
    """A person agrees with what is in force: it stays, and what waits beside it too."""
    put_words(connection, [one.account for one in reviewed], said)
    ledger.extend_in(connection, [word])


def review_proposals(
    connection: Connection,
    ledger: Ledger,
    waiting: Sequence[Proposal],
    campaign: str | None,
    verdict: Verdict,
    said: LastWord,
    reason: str,
) -> list[ActionInForce]:
    """A person's word on what waits: approved, it is in force; rejected, what is in force stays as it was.

    In one entry where it is about a campaign. Returns what the word was about.
    """
    asked = [ActionInForce(**one.model_dump(exclude={"because"})) for one in waiting]
    if campaign is None:
        word = account_reviewed(asked[0], verdict, reason, said.actor)
    else:
        word = campaign_reviewed(campaign, asked, verdict, reason, said.actor)
    before = actions_in(connection, [one.account for one in asked])
    if verdict == "approved":
        now = [one.model_copy(update={"since": said.at}) for one in asked]
        set_actions(connection, ledger, now, before, said, words=[word])
        return now
    kept = {account: document_of(one, "account") for account, one in before.items()}
    documents = {one.account: kept.get(one.account, RESTORED) for one in asked}
    put_actions(connection, documents, next_version(connection), said)
    ledger.extend_in(connection, [word])
    return asked
