"""Who may ask, as the request path sees it: dictionaries in memory, brought up to date beside it.

A request must not wait for a database, nor fail with it. So a gateway holds every row as its text, takes those that
changed several times a second, and goes on with what it has where the database is away. A row becomes a value when it
is first asked for: a million accounts with a key each are some 600 MB that way, and would be several GB as values.

Changes are fetched in a thread and taken in by the thread of the event loop, in one go: a request that does not await
sees all of a change or nothing of it.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import SQLAlchemyError

from stillhouse.errors import RecordError
from stillhouse.guard.access.documents import RESTORED, account_of, action_of, key_of, organisation_of
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation
from stillhouse.guard.ledger.database import snapshot
from stillhouse.guard.state.database import database_fault
from stillhouse.guard.state.tables import accounts, actions, directory_version, keys, organisations

__all__ = ["Directory", "digest_of"]

_log = logging.getLogger("stillhouse.guard")
_PAGE = 20_000  # rows; the Postgres driver holds a whole result in memory
_PARSED = 1 << 16  # values of a kind that are kept beside their rows

K = TypeVar("K")
V = TypeVar("V")


def digest_of(secret: str) -> bytes:
    """SHA-256 of a key, by which it is looked up.

    Passwords need a slow, salted hash because people choose them from a small space. A key is 256 random bits: nobody
    guesses it at any speed, and a hash without salt is what makes one look-up enough.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Directory:
    """Organisations, accounts, keys and actions, by name and by digest. Empty until `load`.

    For one thread: that of the event loop, in which `follow` or `update` runs. `refresh` is for programs without one.
    `monotonic` gives seconds that only go on.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.version = 0
        self.failures = 0
        """How often the database could not be asked."""
        self._monotonic = monotonic
        self._true_at = -math.inf
        self._failing = False
        self._organisations = _Rows(_organisation)
        self._accounts = _Rows(_account)
        self._keys = _Rows(_key)
        self._actions = _Rows(_action)

    @property
    def seconds_behind(self) -> float:
        """Seconds since what is here was all that the database had; infinity before the first `load`."""
        return self._monotonic() - self._true_at

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each kind; actions that are over by themselves count until they are replaced."""
        return {
            "organisations": len(self._organisations.texts),
            "accounts": len(self._accounts.texts),
            "keys": len(self._keys.texts),
            "actions": len(self._actions.texts),
        }

    def key(self, digest: bytes) -> Key | None:
        """The key with this SHA-256, revoked and expired ones included. RecordError, here and below, for a bad row."""
        return self._keys.get(digest)

    def account(self, id: str) -> Account | None:
        return self._accounts.get(id)

    def organisation(self, id: str) -> Organisation | None:
        return self._organisations.get(id)

    def action(self, account_id: str, now: float) -> ActionInForce | None:
        """What is in force on an account at `now`, in seconds since 1970."""
        found = self._actions.get(account_id)
        return None if found is None or (found.until is not None and found.until <= now) else found

    def load(self, engine: Engine) -> None:
        """Read everything. Errors of the database come through."""
        self._take(_fetch(engine, 0, self._monotonic))

    def refresh(self, engine: Engine) -> bool:
        """Read what changed since; whether anything had. Errors of the database come through."""
        before = self.version
        self._take(_fetch(engine, before, self._monotonic))
        return self.version != before

    async def update(self, engine: Engine) -> bool:
        """`refresh` without holding up the event loop."""
        before = self.version
        while not self._take(await asyncio.to_thread(_fetch, engine, self.version, self._monotonic)):
            pass
        return self.version != before

    async def follow(self, engine: Engine, every_seconds: float) -> None:
        """`update` again and again until cancelled. A database that fails is logged once, counted, and asked again."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.update(engine)
            except (SQLAlchemyError, OSError) as error:
                self._failed(database_fault(error))
            except RecordError as error:
                self._failed(str(error))
            else:
                self._succeeded()

    def _take(self, found: "_Changes") -> bool:
        """Take in changes; False, and nothing is taken in, where others came first and these no longer fit."""
        if found.began < self._true_at or found.since not in (0, self.version):
            return False
        pairs: list[tuple[_Rows[Any, Any], dict[Any, str]]] = [
            (self._organisations, found.organisations),
            (self._accounts, found.accounts),
            (self._keys, found.keys),
            (self._actions, found.actions),
        ]
        for rows, texts in pairs:
            if found.since == 0:
                rows.replace(texts)
            else:
                rows.change(texts)
        self.version, self._true_at = found.version, found.began
        return True

    def _failed(self, fault: str) -> None:
        self.failures += 1
        if not self._failing:
            self._failing = True
            _log.warning("the directory is not up to date: %s; what was read last stays in use", fault)

    def _succeeded(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("the directory is up to date again, at version %d", self.version)


class _Rows(Generic[K, V]):
    """Rows as texts, and values of those that were asked for.

    One text a row and no container around it: the garbage collector then passes over the millions of them.
    """

    def __init__(self, parse: Callable[[K, str], V]) -> None:
        self.texts: dict[K, str] = {}
        self._parse = parse
        self._parsed: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._parsed.get(key)
        if found is not None:
            return found
        text = self.texts.get(key)
        if text is None:
            return None
        if len(self._parsed) >= _PARSED:
            self._parsed.clear()
        value = self._parsed[key] = self._parse(key, text)
        return value

    def replace(self, texts: dict[K, str]) -> None:
        self.texts, self._parsed = texts, {}

    def change(self, texts: dict[K, str]) -> None:
        for key, text in texts.items():
            self._parsed.pop(key, None)
            if text == RESTORED:
                self.texts.pop(key, None)
            else:
                self.texts[key] = text


@dataclass(slots=True)
class _Changes:
    """Rows above version `since`, complete up to `version`; since 0 they are all rows. `began`: when it was true."""

    since: int
    version: int
    began: float
    organisations: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    keys: dict[bytes, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)


def _fetch(engine: Engine, since: int, monotonic: Callable[[], float]) -> _Changes:
    began = monotonic()
    if since:
        with engine.connect() as connection:
            version = _version(connection)
        if version == since:
            return _Changes(since, since, began)
        if version < since:
            since = 0  # an older state of the database was put back: nothing of what is known here can be trusted
    with snapshot(engine) as connection:
        found = _Changes(since, _version(connection), began)
        _read(connection, found)
    return found


def _read(connection: Connection, found: _Changes) -> None:
    # Ids hold no line break, and JSON in one line none either.
    for id, document in _rows(connection, organisations, ("id", "document"), found.since):
        found.organisations[id] = document
    for id, organisation, document in _rows(connection, accounts, ("id", "organisation", "document"), found.since):
        found.accounts[id] = f"{organisation}\n{document}"
    for id, digest, account, document in _rows(connection, keys, ("id", "digest", "account", "document"), found.since):
        found.keys[bytes(digest)] = f"{id}\n{account}\n{document}"
    for account, document in _rows(connection, actions, ("account", "document"), found.since):
        if found.since or document != RESTORED:
            found.actions[account] = document


def _version(connection: Connection) -> int:
    value = connection.execute(select(directory_version.c.value)).scalar_one_or_none()
    if value is None:
        raise RecordError("table directory_version has not its one row; restore the database from a copy")
    return int(value)


def _rows(connection: Connection, table: Table, names: tuple[str, ...], since: int) -> Iterator[Any]:
    """Changed rows at once, all rows page by page; the first of `names` is the primary key."""
    columns = [table.c[name] for name in names]
    if since:
        yield from connection.execute(select(*columns).where(table.c.version > since))
        return
    page = select(*columns).order_by(columns[0]).limit(_PAGE)
    last = None
    while True:
        rows = connection.execute(page if last is None else page.where(columns[0] > last)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]


def _organisation(id: str, text: str) -> Organisation:
    return organisation_of(id, text)


def _account(id: str, text: str) -> Account:
    organisation, _, document = text.partition("\n")
    return account_of(id, organisation, document)


def _key(digest: bytes, text: str) -> Key:
    id, account, document = text.split("\n", 2)
    return key_of(id, account, digest, document)


def _action(account: str, text: str) -> ActionInForce:
    found = action_of(account, text)
    assert found is not None, "restored actions are not kept"
    return found
