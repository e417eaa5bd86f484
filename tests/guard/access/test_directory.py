"""What a gateway sees: all of it at the start, changes since then, and the last of it while the database is away."""

import asyncio
import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, event, text, update

from stillhouse.errors import RecordError
from stillhouse.guard.access.directory import Directory, digest_of
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.state.database import writing
from stillhouse.guard.state.open import State
from stillhouse.guard.state.tables import accounts, directory_version
from tests.guard.conftest import OpenAt
from tests.guard.services import Postgres


def filled(state: State) -> str:
    """An organisation, an account and a key; the key's secret."""
    state.registry.create_organisation(Organisation(id="acme", name="Acme"))
    state.registry.create_account(Account(id="alice", organisation="acme"))
    return state.registry.create_key("alice", key_id="k").secret


def test_a_digest_is_sha_256() -> None:
    """FIPS 180-2, appendix B.1."""
    assert digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of("ÿ\udc80") == hashlib.sha256(b"\xc3\xbf\xed\xb2\x80").digest()


def test_everything_is_found_after_a_load(database_url: str, open_at: OpenAt) -> None:
    state = open_at(database_url)
    secret = filled(state)
    directory = Directory()
    assert directory.key(digest_of(secret)) is None and directory.seconds_behind == math.inf
    directory.load(state.engine)
    key = directory.key(digest_of(secret))
    assert key is not None and (key.id, key.account, key.digest) == ("k", "alice", digest_of(secret))
    account, organisation = directory.account("alice"), directory.organisation("acme")
    assert account is not None and account.organisation == "acme"
    assert organisation is not None and organisation.name == "Acme"
    assert directory.key(digest_of("another")) is None
    assert directory.account("nobody") is None and directory.organisation("nobody") is None
    assert directory.action("alice", 0.0) is None
    assert directory.version == 3 == state.registry.version()
    assert directory.counts == {"organisations": 1, "accounts": 1, "keys": 1, "actions": 0}


def test_a_load_reads_page_by_page(open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.access.directory._PAGE", 3)
    state = open_at()
    state.registry.create_organisation(Organisation(id="acme"))
    names = [f"a{number}" for number in range(7)]
    for name in names:
        state.registry.create_account(Account(id=name, organisation="acme"))
    directory = Directory()
    directory.load(state.engine)
    assert directory.counts["accounts"] == 7 and all(directory.account(name) for name in names)


def test_the_same_value_comes_back_until_it_changes(open_at: OpenAt) -> None:
    state = open_at()
    digest = digest_of(filled(state))
    directory = Directory()
    directory.load(state.engine)
    before = directory.account("alice"), directory.organisation("acme"), directory.key(digest)
    state.registry.change_account("alice", {"plan": "pro"})
    assert directory.refresh(state.engine) is True
    after = directory.account("alice"), directory.organisation("acme"), directory.key(digest)
    assert before[1] is after[1] and before[2] is after[2]
    assert before[0] is not None and before[0].plan is None
    assert after[0] is not None and after[0].plan == "pro"


def test_each_kind_of_change_is_seen(database_url: str, open_at: OpenAt) -> None:
    state, directory = open_at(database_url), Directory()
    registry = state.registry
    digest = digest_of(filled(state))
    directory.load(state.engine)
    assert directory.refresh(state.engine) is False

    registry.close_organisation("acme")
    registry.set_action("alice", "suspend")
    made = registry.rotate_key("k")
    assert directory.refresh(state.engine) is True
    organisation, action = directory.organisation("acme"), directory.action("alice", time.time())
    assert organisation is not None and organisation.closed
    assert action is not None and action.action == "suspend"
    old, new = directory.key(digest), directory.key(digest_of(made.secret))
    assert old is not None and old.revoked is not None
    assert new is not None and new.revoked is None and new.account == "alice"

    registry.restore("alice")
    directory.refresh(state.engine)
    assert directory.action("alice", time.time()) is None
    late = Directory()
    late.load(state.engine)
    assert late.action("alice", time.time()) is None and late.counts == directory.counts


def test_an_action_is_over_at_its_time(open_at: OpenAt) -> None:
    state, directory = open_at(clock=lambda: 1000.0), Directory()
    filled(state)
    state.registry.set_action("alice", "slow", until=2000.0)
    directory.load(state.engine)
    assert directory.action("alice", 1999.9) is not None
    assert directory.action("alice", 2000.0) is None


def test_a_bad_row_hurts_only_whom_it_is_about(open_at: OpenAt) -> None:
    state, directory = open_at(), Directory()
    filled(state)
    state.registry.create_account(Account(id="bob", organisation="acme"))
    with writing(state.engine) as connection:
        connection.execute(update(accounts).where(accounts.c.id == "bob").values(document='{"future": 1}'))
    directory.load(state.engine)
    assert directory.account("alice") is not None
    with pytest.raises(RecordError, match="account 'bob'"):
        directory.account("bob")


def test_an_older_state_that_was_put_back_is_read_whole(open_at: OpenAt) -> None:
    state, directory = open_at(), Directory()
    filled(state)
    with writing(state.engine) as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT * FROM accounts"))
    state.registry.change_account("alice", {"plan": "pro"})
    directory.load(state.engine)
    with writing(state.engine) as connection:
        connection.execute(text("UPDATE accounts SET document = (SELECT document FROM kept)"))
        connection.execute(update(directory_version).values(value=3))
    assert directory.refresh(state.engine) is True
    account = directory.account("alice")
    assert directory.version == 3 and account is not None and account.plan is None


def test_age_is_that_of_the_last_good_look(open_at: OpenAt) -> None:
    now = 100.0
    directory = Directory(lambda: now)
    state = open_at()
    directory.load(state.engine)
    now = 107.0
    assert directory.seconds_behind == 7.0
    directory.refresh(state.engine)
    assert directory.seconds_behind == 0.0


def test_values_beside_the_rows_are_bounded(open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.access.directory._PARSED", 4)
    state, directory = open_at(), Directory()
    state.registry.create_organisation(Organisation(id="acme"))
    for number in range(10):
        state.registry.create_account(Account(id=f"a{number}", organisation="acme"))
    directory.load(state.engine)
    found = [directory.account(f"a{number}") for number in range(10)]
    assert [account and account.id for account in found] == [f"a{number}" for number in range(10)]
    assert len(directory._accounts._parsed) <= 4


def until(condition: Callable[[], bool], seconds: float) -> Callable[[], "asyncio.Future[float]"]:
    """Waits until the condition holds; how long that took, by seconds of the clock."""

    async def wait() -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, "it never came to be"
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    return lambda: asyncio.ensure_future(wait())


def test_what_one_gateway_revokes_the_others_refuse_within_a_second(postgres_url: str, open_at: OpenAt) -> None:
    here, there = open_at(postgres_url), open_at(postgres_url)
    digest = digest_of(filled(here))

    async def both() -> list[float]:
        directory = Directory()
        directory.load(there.engine)
        following = asyncio.create_task(directory.follow(there.engine, 0.25))

        def revoked() -> bool:
            key = directory.key(digest)
            return key is not None and key.revoked is not None

        took = []
        await asyncio.to_thread(here.registry.set_action, "alice", "suspend")
        took.append(await until(lambda: directory.action("alice", time.time()) is not None, 10)())
        await asyncio.to_thread(here.registry.revoke_key, "k")
        took.append(await until(revoked, 10)())
        await asyncio.to_thread(here.registry.restore, "alice")
        took.append(await until(lambda: directory.action("alice", time.time()) is None, 10)())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return took

    assert max(asyncio.run(both())) < 1.0


def test_while_the_database_is_away_the_last_state_serves(
    postgres_server: Postgres, postgres_url: str, open_at: OpenAt, caplog: pytest.LogCaptureFixture
) -> None:
    state = open_at(postgres_url)
    digest = digest_of(filled(state))
    name = postgres_url.rpartition("/")[2]
    caplog.set_level(logging.INFO, "stillhouse.guard")

    async def run() -> None:
        directory = Directory()
        directory.load(state.engine)
        following = asyncio.create_task(directory.follow(state.engine, 0.02))
        postgres_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgres_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await until(lambda: directory.failures >= 3, 20)()
        assert directory.key(digest) is not None
        assert directory.seconds_behind > 0.02
        postgres_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await asyncio.to_thread(state.registry.set_action, "alice", "suspend")
        await until(lambda: directory.action("alice", time.time()) is not None, 20)()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(run())
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "INFO"], told
    assert "the directory is not up to date: " in told[0][1] and "what was read last stays in use" in told[0][1]
    assert told[1][1].startswith("the directory is up to date again, at version ")


def test_a_look_that_took_long_does_not_undo_a_newer_one(database_url: str, open_at: OpenAt) -> None:
    state, slow = open_at(database_url), open_at(database_url)
    filled(state)
    directory, reached, released = Directory(), threading.Event(), threading.Event()
    directory.load(state.engine)

    def hold_back(connection: Connection) -> None:
        reached.set()
        released.wait(20)

    async def run() -> None:
        await asyncio.to_thread(state.registry.change_account, "alice", {"plan": "pro"})
        event.listen(slow.engine, "commit", hold_back)
        older = asyncio.create_task(directory.update(slow.engine))
        assert await asyncio.to_thread(reached.wait, 20)
        await asyncio.to_thread(state.registry.change_account, "alice", {"plan": None})
        await directory.update(state.engine)
        assert directory.version == 5
        released.set()
        await older

    asyncio.run(run())
    account = directory.account("alice")
    assert directory.version == 5 and account is not None and account.plan is None


def test_looks_that_overlap_never_undo_one_another(database_url: str, open_at: OpenAt) -> None:
    state = open_at(database_url)
    filled(state)

    async def run() -> Directory:
        directory = Directory()
        directory.load(state.engine)
        with ThreadPoolExecutor(1) as pool:
            loop = asyncio.get_running_loop()
            writing = loop.run_in_executor(pool, write)
            while not writing.done():
                seen = directory.version
                await asyncio.gather(*(directory.update(state.engine) for _ in range(3)))
                assert directory.version >= seen
            await writing
        await directory.update(state.engine)
        return directory

    def write() -> None:
        for number in range(12):
            state.registry.change_account("alice", {"registration": {"number": number}})

    directory = asyncio.run(run())
    account = directory.account("alice")
    assert account is not None and account.registration == {"number": 11}
    assert directory.version == state.registry.version() == 15
