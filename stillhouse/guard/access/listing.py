"""The directory as the database has it now: one row by its name, or many in the order of their names.

For people and programs that administer. Lists are read in pages, so that a million accounts need no memory.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Select, select

from stillhouse.guard.access.documents import (
    RESTORED,
    account_of,
    action_of,
    key_of,
    organisation_of,
    proposal_of,
)
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation, Proposal
from stillhouse.guard.state.tables import accounts, actions, keys, organisations, proposals

__all__ = [
    "account_in",
    "campaign_in",
    "key_in",
    "list_accounts",
    "list_actions",
    "list_keys",
    "list_organisations",
    "list_proposals",
    "organisation_in",
    "proposed_in",
]

_PAGE = 1000
_ORGANISATION = select(organisations.c.id, organisations.c.document)
_ACCOUNT = select(accounts.c.id, accounts.c.organisation, accounts.c.document)
_KEY = select(keys.c.id, keys.c.account, keys.c.digest, keys.c.document)
_ACTION = select(actions.c.account, actions.c.document)
_PROPOSAL = select(proposals.c.account, proposals.c.document)


def organisation_in(connection: Connection, id: str) -> Organisation | None:
    row = connection.execute(_ORGANISATION.where(organisations.c.id == id)).first()
    return None if row is None else organisation_of(*row)


def account_in(connection: Connection, id: str) -> Account | None:
    row = connection.execute(_ACCOUNT.where(accounts.c.id == id)).first()
    return None if row is None else account_of(*row)


def key_in(connection: Connection, id: str) -> Key | None:
    row = connection.execute(_KEY.where(keys.c.id == id)).first()
    return None if row is None else key_of(*row)


def campaign_in(connection: Connection, campaign: str) -> list[ActionInForce]:
    """Every account's action that belongs to a campaign."""
    found = (action_of(*row) for row in connection.execute(_of_campaign(_ACTION, actions.c.document, campaign)))
    return [action for action in found if action is not None and action.campaign == campaign]


def proposed_in(connection: Connection, campaign: str) -> list[Proposal]:
    """What waits for a person about accounts of a campaign."""
    statement = _of_campaign(_PROPOSAL, proposals.c.document, campaign)
    found = (proposal_of(*row) for row in connection.execute(statement))
    return [one for one in found if one.campaign == campaign]


def list_organisations(engine: Engine, *, after: str | None = None, limit: int | None = None) -> list[Organisation]:
    """Those whose names come after `after`, in the database's order, at most `limit`; likewise the lists below."""
    with engine.connect() as connection:
        rows = _pages(connection, _ORGANISATION, organisations.c.id, after, limit)
        return [organisation_of(*row) for row in rows]


def list_accounts(
    engine: Engine, *, organisation: str | None = None, after: str | None = None, limit: int | None = None
) -> list[Account]:
    statement = _ACCOUNT if organisation is None else _ACCOUNT.where(accounts.c.organisation == organisation)
    with engine.connect() as connection:
        return [account_of(*row) for row in _pages(connection, statement, accounts.c.id, after, limit)]


def list_keys(
    engine: Engine, *, account: str | None = None, after: str | None = None, limit: int | None = None
) -> list[Key]:
    """Keys without their secrets, which nobody has but their holders; revoked and expired ones too."""
    statement = _KEY if account is None else _KEY.where(keys.c.account == account)
    with engine.connect() as connection:
        return [key_of(*row) for row in _pages(connection, statement, keys.c.id, after, limit)]


def list_actions(
    engine: Engine, now: float, *, campaign: str | None = None, after: str | None = None, limit: int | None = None
) -> list[ActionInForce]:
    """What is in force at `now`, in the order of the accounts' names."""
    everything = _ACTION.where(actions.c.document != RESTORED)
    statement = everything if campaign is None else _of_campaign(_ACTION, actions.c.document, campaign)
    with engine.connect() as connection:
        found = (action_of(*row) for row in _pages(connection, statement, actions.c.account, after, None))
        fitting = (
            action
            for action in found
            if action is not None
            and (action.until is None or action.until > now)
            and campaign in (None, action.campaign)
        )
        return list(islice(fitting, limit))


def list_proposals(
    engine: Engine, *, campaign: str | None = None, after: str | None = None, limit: int | None = None
) -> list[Proposal]:
    """What waits for a person, in the order of the accounts' names."""
    statement = _PROPOSAL if campaign is None else _of_campaign(_PROPOSAL, proposals.c.document, campaign)
    with engine.connect() as connection:
        found = (proposal_of(*row) for row in _pages(connection, statement, proposals.c.account, after, None))
        return list(islice((one for one in found if campaign in (None, one.campaign)), limit))


def _of_campaign(statement: Select[Any], document: Any, campaign: str) -> Select[Any]:
    # Finds some that only mention the name as well; the values tell.
    return statement.where(document.contains(f'"campaign":"{campaign}"', autoescape=True))


def _pages(
    connection: Connection, statement: Select[Any], key: Any, after: str | None, limit: int | None
) -> Iterator[Any]:
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = statement.order_by(key).limit(size)
        rows = connection.execute(page if after is None else page.where(key > after)).all()
        yield from rows
        if len(rows) < size:
            return
        after = rows[-1][0]
        left = None if left is None else left - size
