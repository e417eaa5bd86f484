"""Actions over HTTP, and the ledger that they are recorded in."""

from functools import partial
from itertools import islice
from typing import Any

from stillhouse.guard.access.faults import UnknownError
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.admin.answers import (
    ActionPage,
    ActionsSet,
    CheckpointShown,
    EntryPage,
    EntryShown,
    Proof,
    ProposalPage,
    Restored,
    Reviewed,
)
from stillhouse.guard.admin.bodies import ActionQuery, EntryQuery, Restore, Review, SetAction
from stillhouse.guard.admin.operation import Call, Operation
from stillhouse.guard.ledger.database import entry_rows, newest_checkpoint, snapshot
from stillhouse.guard.ledger.entry import entry_from_body
from stillhouse.guard.ledger.proof import prove
from stillhouse.guard.ledger.store import Ledger

__all__ = ["action_operations", "ledger_operations"]

_LONGEST_SEQUENCE = 15


def action_operations(registry: Registry) -> list[Operation]:
    return [
        Operation(
            method="GET",
            path="/v1/actions",
            summary="List what is in force on accounts",
            query=ActionQuery,
            answer=ActionPage,
            run=lambda call: _actions(registry, call),
        ),
        Operation(
            method="POST",
            path="/v1/actions",
            summary="Put an account, or the accounts of a campaign, under an action",
            body=SetAction,
            answer=ActionsSet,
            faults=(404,),
            writes=True,
            run=lambda call: _set(registry, call),
        ),
        Operation(
            method="GET",
            path="/v1/actions/pending",
            summary="List what detection asks a person for; `review` answers",
            query=ActionQuery,
            answer=ProposalPage,
            run=lambda call: _pending(registry, call),
        ),
        Operation(
            method="POST",
            path="/v1/actions/restore",
            summary="End what an account, or every account of a campaign, is under",
            body=Restore,
            answer=Restored,
            faults=(404, 409),
            writes=True,
            run=lambda call: _restore(registry, call),
        ),
        Operation(
            method="POST",
            path="/v1/actions/review",
            summary="Record a person's word on what is in force, or waits for one; `rejected` ends it",
            body=Review,
            answer=Reviewed,
            faults=(404, 409),
            writes=True,
            run=lambda call: _review(registry, call),
        ),
    ]


def ledger_operations(ledger: Ledger) -> list[Operation]:
    get = partial(Operation, method="GET", faults=(404,))
    return [
        get(
            path="/v1/ledger/checkpoint",
            summary="The newest signed checkpoint; keep copies elsewhere",
            answer=CheckpointShown,
            run=lambda call: _checkpoint(ledger),
        ),
        get(
            path="/v1/ledger/entries",
            summary="List entries, oldest first",
            query=EntryQuery,
            answer=EntryPage,
            run=lambda call: _entries(ledger, call),
        ),
        get(
            path="/v1/ledger/entries/{sequence}",
            summary="Show an entry",
            answer=EntryShown,
            run=lambda call: _entry(ledger, _sequence(call)),
        ),
        get(
            path="/v1/ledger/entries/{sequence}/proof",
            summary="Prove that an entry stands in the ledger, without showing others",
            answer=Proof,
            run=lambda call: _proof(ledger, _sequence(call)),
        ),
    ]


def _actions(registry: Registry, call: Call) -> ActionPage:
    asked: ActionQuery = call.query
    items = registry.actions(asked.campaign, after=asked.after, limit=asked.limit)
    return ActionPage(items=items, next=items[-1].account if len(items) == asked.limit else None)


def _pending(registry: Registry, call: Call) -> ProposalPage:
    asked: ActionQuery = call.query
    items = registry.proposals(asked.campaign, after=asked.after, limit=asked.limit)
    return ProposalPage(items=items, next=items[-1].account if len(items) == asked.limit else None)


def _set(registry: Registry, call: Call) -> ActionsSet:
    asked: SetAction = call.body
    how: dict[str, Any] = {
        "reason": asked.reason,
        "until": asked.until,
        "link": asked.link,
        "because": asked.because,
        "actor": call.actor,
    }
    if asked.account is not None:
        return ActionsSet(actions=[registry.set_action(asked.account, asked.action, **how)], stronger=[])
    assert asked.campaign is not None, "a request names one of the two"
    done = registry.set_campaign_action(asked.campaign, asked.accounts, asked.action, **how)
    return ActionsSet(actions=list(done.actions), stronger=list(done.stronger))


def _restore(registry: Registry, call: Call) -> Restored:
    asked: Restore = call.body
    if asked.account is not None:
        ended = registry.restore(asked.account, reason=asked.reason, actor=call.actor)
        return Restored(ended=[] if ended is None else [ended])
    assert asked.campaign is not None, "a request names one of the two"
    return Restored(ended=registry.restore_campaign(asked.campaign, reason=asked.reason, actor=call.actor))


def _review(registry: Registry, call: Call) -> Reviewed:
    asked: Review = call.body
    how: dict[str, Any] = {"seen": asked.action, "reason": asked.reason, "actor": call.actor}
    if asked.account is not None:
        reviewed = [registry.review(asked.account, asked.verdict, **how)]
    else:
        assert asked.campaign is not None, "a request names one of the two"
        reviewed = registry.review_campaign(asked.campaign, asked.verdict, **how)
    return Reviewed(verdict=asked.verdict, actions=reviewed)


def _checkpoint(ledger: Ledger) -> CheckpointShown:
    with snapshot(ledger.engine) as connection:
        row = newest_checkpoint(connection)
    if row is None:
        raise UnknownError("the ledger is empty, so it has no checkpoint yet")
    return CheckpointShown(size=row.size, note=row.note, public_key=str(ledger.verifier))


def _entries(ledger: Ledger, call: Call) -> EntryPage:
    asked: EntryQuery = call.query
    first = None if asked.after is None else asked.after + 1
    with snapshot(ledger.engine) as connection:
        rows = list(islice(entry_rows(connection, first), asked.limit))
    items = [EntryShown.of(entry_from_body(row.body)) for row in rows]
    return EntryPage(items=items, next=rows[-1].sequence if len(rows) == asked.limit else None)


def _sequence(call: Call) -> int:
    text = call.path["sequence"]
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_SEQUENCE):
        raise UnknownError("there is no entry of that number; count from 0")
    return int(text)


def _entry(ledger: Ledger, sequence: int) -> EntryShown:
    with snapshot(ledger.engine) as connection:
        row = next(entry_rows(connection, sequence), None)
    if row is None or row.sequence != sequence:
        raise UnknownError(f"there is no entry {sequence}; list them under /v1/ledger/entries")
    return EntryShown.of(entry_from_body(row.body))


def _proof(ledger: Ledger, sequence: int) -> Proof:
    _entry(ledger, sequence)
    return Proof.model_validate(prove(ledger.engine, sequence))
