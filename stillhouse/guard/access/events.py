"""What the ledger is told about changes of the directory.

It cannot forget. So what a person may ask to have erased (names, registration) is in it by the field's name only, and
of a key there is nothing from which it could be recognised but its own name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stillhouse.guard.access.entities import ACTIONS, Account, ActionInForce, Key, Organisation, Proposal, Verdict
from stillhouse.guard.ledger.entry import Event, Kind

__all__ = [
    "account_reviewed",
    "action_ended",
    "action_proposed",
    "action_set",
    "campaign_proposed",
    "campaign_reviewed",
    "campaign_set",
    "changed_event",
    "key_created",
    "key_revoked",
    "key_rotated",
]

_PERSONAL = ("name", "registration")


def changed_event(before: Organisation | Account | None, new: Organisation | Account, actor: str) -> Event:
    """`values` has each field that is another than before, or than its default where there was nothing before."""
    after = new.model_dump(mode="json", exclude={"id"})
    if before is None:
        different = list(new.model_dump(exclude={"id"}, exclude_defaults=True))
    else:
        old = before.model_dump(mode="json")
        different = [name for name in after if after[name] != old[name]]
    details: dict[str, Any] = {
        "change": "created" if before is None else "changed",
        "values": {name: after[name] for name in different if name not in _PERSONAL},
    }
    if personal := [name for name in different if name in _PERSONAL]:
        details["personal"] = personal
    kind: Kind = "account.changed" if isinstance(new, Account) else "organisation.changed"
    return Event(kind=kind, actor=actor, subject=new.id, details=details)


def key_created(key: Key, actor: str) -> Event:
    return Event(kind="key.created", actor=actor, subject=key.id, details=_of_key(key))


def key_rotated(old: Key, new: Key, overlap_seconds: float, actor: str) -> Event:
    """About the old key, since that is the one whose holder will ask."""
    details = {**_of_key(new), "replaced_by": new.id, "overlap_seconds": overlap_seconds}
    return Event(kind="key.rotated", actor=actor, subject=old.id, details=details)


def key_revoked(key: Key, reason: str, actor: str) -> Event:
    return Event(kind="key.revoked", actor=actor, subject=key.id, details={"account": key.account, "reason": reason})


def action_set(
    new: ActionInForce, before: ActionInForce | None, actor: str, because: Mapping[str, Any] | None = None
) -> Event:
    details = new.model_dump(mode="json", exclude={"account", "since"})
    details["before"] = None if before is None else before.action
    if because:
        details["because"] = because
    return Event(kind="action", actor=actor, subject=new.account, details=details)


def campaign_set(
    campaign: str, action: str, reason: str, struck: int, stronger: int, actor: str, because: Mapping[str, Any] | None
) -> Event:
    """About the campaign as a whole; each account has an entry of its own beside it."""
    details: dict[str, Any] = {"action": action, "reason": reason, "accounts": struck, "stronger": stronger}
    if because:
        details["because"] = because
    return Event(kind="action", actor=actor, subject=campaign, details=details)


def action_proposed(one: Proposal, actor: str) -> Event:
    """With the evidence, unless that is in the entry about its campaign."""
    details = one.model_dump(mode="json", exclude={"account", "since"} | ({"because"} if one.campaign else set()))
    return Event(kind="action.proposed", actor=actor, subject=one.account, details=details)


def campaign_proposed(
    campaign: str, action: str, reason: str, accounts: int, actor: str, because: Mapping[str, Any]
) -> Event:
    """About the campaign as a whole; each account has an entry of its own beside it."""
    details = {"action": action, "reason": reason, "accounts": accounts, "because": because}
    return Event(kind="action.proposed", actor=actor, subject=campaign, details=details)


def action_ended(before: ActionInForce, reason: str, actor: str) -> Event:
    details = {"action": before.action, "campaign": before.campaign, "since": before.since, "reason": reason}
    return Event(kind="action.ended", actor=actor, subject=before.account, details=details)


def account_reviewed(one: ActionInForce, verdict: Verdict, reason: str, actor: str) -> Event:
    """`since` and `campaign` tell which action it was about: another may be in force by the time that this is read."""
    details = {
        "verdict": verdict,
        "reason": reason,
        "action": one.action,
        "since": one.since,
        "campaign": one.campaign,
    }
    return Event(kind="review", actor=actor, subject=one.account, details=details)


def campaign_reviewed(
    campaign: str, reviewed: Sequence[ActionInForce], verdict: Verdict, reason: str, actor: str
) -> Event:
    """`actions` has the number of accounts under each: they are not named, so that it can be shown to any of them."""
    under = Counter(one.action for one in reviewed)
    details = {
        "verdict": verdict,
        "reason": reason,
        "accounts": len(reviewed),
        "actions": {action: under[action] for action in ACTIONS if under[action]},
    }
    return Event(kind="review", actor=actor, subject=campaign, details=details)


def _of_key(key: Key) -> dict[str, Any]:
    return {"account": key.account, "expires": key.expires, "ip_allow": list(key.ip_allow)}
