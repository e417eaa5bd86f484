"""Daily and monthly counts on disk: across a restart, a kill, an outage of the database, and two gateways."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, insert, select
from sqlalchemy.exc import OperationalError

from stillhouse.guard.counters.base import Claim, Correction, Taken
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.persist import Persistence, load_counts
from stillhouse.guard.state.tables import counters as table
from stillhouse.guard.state.tables import metadata

DAY = 1_795_824_000.0  # 2026-11-28 in UTC
MONTH = DAY - 27 * 86400
DAILY, MONEY, MINUTE = "{acme}key:k:tokens_per_day", "{acme}key:k:budget_per_month", "{acme}key:k:tokens_per_minute"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    file = f"sqlite:///{tmp_path / 'guard.db'}"
    url = file if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    metadata.create_all(engine, tables=[table])
    yield engine
    engine.dispose()


async def use(counters: MemoryCounters, now: float, tokens: int, money: float) -> Taken:
    taken = await counters.take([Claim(DAILY, "day", 9e9, tokens), Claim(MINUTE, 60, 9e9, tokens)], now)
    assert isinstance(taken, Taken)
    await counters.settle(taken, [Correction(MONEY, "month", money)], now)
    return taken


def rows(engine: Engine) -> dict[tuple[str, float], float]:
    with engine.connect() as connection:
        return {(name, start): value for name, start, value in connection.execute(select(table))}


def test_a_restart_goes_on_where_the_last_one_stopped(engine: Engine) -> None:
    async def first() -> None:
        counters = MemoryCounters(load_counts(engine, DAY + 50))
        persistence = Persistence(counters, engine, lambda: DAY + 50, seconds=0.01)
        persistence.start()
        taken = await use(counters, DAY + 50, 100, 0.25)
        while (DAILY, DAY) not in rows(engine):
            await asyncio.sleep(0.01)
        await use(counters, DAY + 51, 30, 0.5)
        await counters.settle(taken, [Correction(DAILY, "day", -20)], DAY + 52)
        await persistence.close()

    asyncio.run(first())
    assert rows(engine) == {(DAILY, DAY): 110.0, (MONEY, MONTH): 0.75}

    async def second() -> None:
        counters = MemoryCounters(load_counts(engine, DAY + 60))
        taken = await use(counters, DAY + 60, 1, 0.0)
        assert taken.used == (111, 1)  # the minute is not kept
        await Persistence(counters, engine, lambda: DAY + 60).write()

    asyncio.run(second())
    assert rows(engine) == {(DAILY, DAY): 111.0, (MONEY, MONTH): 0.75}
    assert load_counts(engine, DAY + 86400 + 1) == {(MONEY, MONTH): 0.75}


def test_two_gateways_add_to_the_same_counts(engine: Engine) -> None:
    async def go() -> None:
        gateways = [MemoryCounters(), MemoryCounters()]
        writers = [Persistence(counters, engine, lambda: DAY) for counters in gateways]
        for number in range(20):
            await use(gateways[number % 2], DAY, 10, 0.125)
            await asyncio.gather(*(writer.write() for writer in writers))

    asyncio.run(go())
    assert rows(engine) == {(DAILY, DAY): 200.0, (MONEY, MONTH): 2.5}


def test_old_windows_are_removed(engine: Engine) -> None:
    with engine.begin() as connection:
        for name, start in (("a", DAY - 86400), ("b", MONTH), ("c", MONTH - 1), ("d", DAY)):
            connection.execute(insert(table).values(name=name, window_start=start, value=1.0))
    asyncio.run(Persistence(MemoryCounters(), engine, lambda: DAY + 5).write())
    assert sorted(name for name, _ in rows(engine)) == ["b", "d"]


def test_an_outage_of_the_database_loses_nothing_and_is_said_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        counters = MemoryCounters()
        persistence = Persistence(counters, engine, lambda: DAY)
        metadata.drop_all(engine, tables=[table])
        for _ in range(3):
            await use(counters, DAY, 10, 0.125)
            await persistence.write()
        metadata.create_all(engine, tables=[table])
        await persistence.write()

    with caplog.at_level(logging.INFO, "stillhouse.guard.counters"):
        asyncio.run(go())
    assert rows(engine) == {(DAILY, DAY): 30.0, (MONEY, MONTH): 0.375}
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_closing_while_a_write_fails_ends_and_writes_its_rows_once(engine: Engine) -> None:
    begun = threading.Event()

    def fail_slowly_once(*_: object) -> None:
        if not begun.is_set():
            begun.set()
            time.sleep(0.3)
            raise OperationalError("INSERT", None, OSError("gone"))

    async def go() -> None:
        counters = MemoryCounters()
        persistence = Persistence(counters, engine, lambda: DAY, seconds=0.01)
        await use(counters, DAY, 10, 0.125)
        persistence.start()
        assert await asyncio.to_thread(begun.wait, 10)
        await use(counters, DAY, 5, 0.25)
        closing = asyncio.ensure_future(persistence.close())
        await asyncio.wait([closing], timeout=5)
        assert closing.done(), "close() waits for ever"
        await closing

    event.listen(engine, "before_cursor_execute", fail_slowly_once)
    asyncio.run(go())
    assert rows(engine) == {(DAILY, DAY): 15.0, (MONEY, MONTH): 0.375}


def test_many_names_in_one_write(engine: Engine) -> None:
    async def go() -> None:
        counters = MemoryCounters()
        for number in range(3000):
            await counters.take([Claim(f"name{number}", "day", 9e9, number + 1)], DAY)
        await Persistence(counters, engine, lambda: DAY).write()

    asyncio.run(go())
    assert rows(engine) == {(f"name{number}", DAY): number + 1.0 for number in range(3000)}


KILLED = """
import asyncio, sys, time
from sqlalchemy import create_engine
from stillhouse.guard.counters.base import Claim
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.persist import Persistence

async def go():
    counters = MemoryCounters()
    Persistence(counters, create_engine(sys.argv[1]), time.time, seconds=0.1).start()
    while True:
        taken = await counters.take([Claim("n", "month", 9e9, 1)], time.time())
        print(int(taken.used[0]), flush=True)
        await asyncio.sleep(0.002)

asyncio.run(go())
"""


def test_a_kill_loses_no_more_than_the_last_interval(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'guard.db'}"
    engine = create_engine(url)
    metadata.create_all(engine, tables=[table])
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 400:
            break
    os.kill(process.pid, signal.SIGKILL)
    last = int((process.stdout.read().split() or [line])[-1])
    process.stdout.close()
    process.wait()
    kept = sum(rows(engine).values())
    engine.dispose()
    # 0.1 s are at most 50 counts; twice that for a write under way, and once more for a busy machine.
    assert last - 200 <= kept <= last
