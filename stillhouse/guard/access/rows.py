"""How changes of the directory are written: each row with the version of its transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from stillhouse.errors import RecordError
from stillhouse.guard.access.documents import action_of, document_of, proposal_of
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation, Proposal
from stillhouse.guard.state.tables import accounts, actions, directory_version, keys, organisations, proposals

__all__ = [
    "LastWord",
    "actions_in",
    "change_key",
    "insert_key",
    "known_accounts",
    "last_words",
    "next_version",
    "proposals_in",
    "put",
    "put_actions",
    "put_proposals",
    "put_words",
]

_CHUNK = 180  # rows a statement of five parameters each: SQLite took 999 for long


def next_version(connection: Connection) -> int:
    """The version of this transaction, taken once and before any row is written; other writers wait from here on."""
    row = directory_version
    statement = update(row).where(row.c.id == 1).values(value=row.c.value + 1).returning(row.c.value)
    version = connection.execute(statement).scalar_one_or_none()
    if version is None:
        raise RecordError("table directory_version has not its one row; restore the database from a copy")
    return int(version)


def put(connection: Connection, value: Organisation | Account, version: int, *, new: bool) -> None:
    """Insert a row, or replace the one of that name."""
    columns = {"organisation": value.organisation} if isinstance(value, Account) else {}
    row = {"document": document_of(value, "id", *columns), **columns, "version": version}
    table = accounts if isinstance(value, Account) else organisations
    if new:
        connection.execute(insert(table).values(id=value.id, **row))
    else:
        connection.execute(update(table).where(table.c.id == value.id).values(row))


def insert_key(connection: Connection, key: Key, version: int) -> None:
    document = document_of(key, "id", "account", "digest")
    row = {"id": key.id, "account": key.account, "digest": key.digest, "document": document, "version": version}
    connection.execute(insert(keys).values(row))


def change_key(connection: Connection, key: Key, version: int) -> None:
    """Everything of it but its name, account and digest."""
    document = document_of(key, "id", "account", "digest")
    connection.execute(update(keys).where(keys.c.id == key.id).values(document=document, version=version))


class LastWord(NamedTuple):
    """Who spoke last about what an account is under, and when, in seconds since 1970."""

    actor: str
    at: float


def put_actions(connection: Connection, documents: Mapping[str, str], version: int, said: LastWord) -> None:
    """Replace what is in force on accounts, and with it whatever was proposed about them.

    Many rows a statement: the driver of Postgres waits for each statement.
    """
    for some in _chunks(list(documents)):
        connection.execute(delete(actions).where(actions.c.account.in_(some)))
        connection.execute(delete(proposals).where(proposals.c.account.in_(some)))
        rows = [
            {"account": account, "document": documents[account], "version": version, **said._asdict()}
            for account in some
        ]
        connection.execute(insert(actions).values(rows))


def put_words(connection: Connection, ids: Sequence[str], said: LastWord) -> None:
    """Somebody spoke about what these accounts are under, and it stays as it is."""
    for some in _chunks(ids):
        connection.execute(update(actions).where(actions.c.account.in_(some)).values(said._asdict()))


def put_proposals(connection: Connection, new: Sequence[Proposal]) -> None:
    """Each in the place of an earlier one about its account."""
    documents = {one.account: document_of(one, "account") for one in new}
    for some in _chunks(list(documents)):
        connection.execute(delete(proposals).where(proposals.c.account.in_(some)))
        connection.execute(
            insert(proposals).values([{"account": account, "document": documents[account]} for account in some])
        )


def last_words(connection: Connection, ids: Sequence[str]) -> dict[str, LastWord]:
    """Of accounts that anybody has ever spoken about. Rows of before revision 0002 say neither: somebody, once."""
    found = {}
    for some in _chunks(ids):
        statement = select(actions.c.account, actions.c.actor, actions.c.at).where(actions.c.account.in_(some))
        for account, actor, at in connection.execute(statement):
            found[account] = LastWord(actor or "", at or 0.0)
    return found


def proposals_in(connection: Connection, ids: Sequence[str]) -> dict[str, Proposal]:
    """What waits for a person about these accounts."""
    found = {}
    for some in _chunks(ids):
        statement = select(proposals.c.account, proposals.c.document).where(proposals.c.account.in_(some))
        found.update({account: proposal_of(account, document) for account, document in connection.execute(statement)})
    return found


def known_accounts(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these there are."""
    found: set[str] = set()
    for some in _chunks(ids):
        found.update(connection.execute(select(accounts.c.id).where(accounts.c.id.in_(some))).scalars())
    return found


def actions_in(connection: Connection, ids: Sequence[str]) -> dict[str, ActionInForce]:
    """What was set on each of these accounts last and not restored, also where its time is over by now."""
    found = {}
    for some in _chunks(ids):
        statement = select(actions.c.account, actions.c.document).where(actions.c.account.in_(some))
        for account, document in connection.execute(statement):
            action = action_of(account, document)
            if action is not None:
                found[account] = action
    return found


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
