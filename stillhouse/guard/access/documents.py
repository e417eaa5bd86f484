"""Values of the directory as rows and back.

A document holds what has no column of its own, and of that only what differs from the default: it stays small, and a
gateway of an older version can read what a newer one wrote as long as nobody used what is new. It is ASCII, so the
database's encoding does not matter.
"""

import json
from typing import TypeVar

import orjson

from stillhouse.config import Settings
from stillhouse.errors import RecordError
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation, Proposal

__all__ = ["RESTORED", "account_of", "action_of", "document_of", "key_of", "organisation_of", "proposal_of"]

RESTORED = "null"
"""The document of an account under no action any more: the row stays, so that gateways see that it changed."""

S = TypeVar("S", bound=Settings)


def document_of(value: Settings, *columns: str) -> str:
    """The JSON for a row; `columns` are the fields that the row has columns for."""
    fields = value.model_dump(mode="json", exclude=set(columns), exclude_defaults=True)
    return json.dumps(fields, separators=(",", ":"))


def organisation_of(id: str, document: str) -> Organisation:
    """What is in a row; RecordError, here and below, where the document is not that of such a value."""
    return _parse(Organisation, f"organisation '{id}'", document, id=id)


def account_of(id: str, organisation: str, document: str) -> Account:
    return _parse(Account, f"account '{id}'", document, id=id, organisation=organisation)


def key_of(id: str, account: str, digest: bytes, document: str) -> Key:
    return _parse(Key, f"key '{id}'", document, id=id, account=account, digest=digest)


def action_of(account: str, document: str) -> ActionInForce | None:
    """None for a restored account."""
    if document == RESTORED:
        return None
    return _parse(ActionInForce, f"action on account '{account}'", document, account=account)


def proposal_of(account: str, document: str) -> Proposal:
    return _parse(Proposal, f"proposal about account '{account}'", document, account=account)


def _parse(cls: type[S], what: str, document: str, **columns: str | bytes) -> S:
    try:
        return cls.model_validate({**orjson.loads(document), **columns})
    except (TypeError, ValueError):
        raise RecordError(
            f"{what}: its row in the database cannot be read; it was written by a newer stillhouse, or changed by hand"
        ) from None
