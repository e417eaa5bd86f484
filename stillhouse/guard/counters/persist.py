"""Daily and monthly counts of a gateway without Valkey, kept in the database so that a restart does not forget them.

Every second what was added since is written by a thread: a gateway that is killed loses at most that second and the
time of the write that runs. Additions are written, not totals, so a second gateway on the same database adds to the
same counts instead of overwriting them (each sees the other's only when it starts: to share limits takes Valkey).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import orjson
from sqlalchemy import Connection, Engine, and_, delete, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from stillhouse.guard.counters.memory import MemoryCounters, WindowKey
from stillhouse.guard.counters.window import bounds
from stillhouse.guard.state.tables import counters as table

__all__ = ["Persistence", "load_counts"]

_log = logging.getLogger(__name__)
# A row a statement would keep a CPU, and the interpreter from requests, for milliseconds; here all rows are one.
_ADD_ARRAYS = text(
    "INSERT INTO counters (name, window_start, value) SELECT * FROM "
    "unnest(CAST(:names AS varchar[]), CAST(:starts AS float8[]), CAST(:values AS float8[])) "
    "ON CONFLICT (name, window_start) DO UPDATE SET value = counters.value + excluded.value"
)
_ADD_JSON = text(
    "INSERT INTO counters (name, window_start, value) "
    "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') "
    "FROM json_each(:rows) WHERE true "
    "ON CONFLICT (name, window_start) DO UPDATE SET value = counters.value + excluded.value"
)


def load_counts(engine: Engine, now: float) -> dict[WindowKey, float]:
    """What the day and the month that run hold so far: what MemoryCounters starts with. Blocks."""
    running = [bounds("day", now)[0], bounds("month", now)[0]]
    query = select(table.c.name, table.c.window_start, table.c.value).where(table.c.window_start.in_(running))
    with engine.connect() as connection:
        return {(name, start): value for name, start, value in connection.execute(query)}


class Persistence:
    """Writes what `counters` gets into the database. `start` and `close` belong to the loop that the counters run in.

    `clock` tells seconds since 1970. While the database cannot be written, the additions wait, and that is logged once.
    """

    def __init__(
        self, counters: MemoryCounters, engine: Engine, clock: Callable[[], float], seconds: float = 1.0
    ) -> None:
        self._counters = counters
        self._engine = engine
        self._clock = clock
        self._seconds = seconds
        self._waiting: dict[WindowKey, float] = {}
        self._failing = False
        self._cleaned = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Write from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Write the rest and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.write()

    async def write(self) -> None:
        """Write what was added since the last time, in a thread.

        A write that has begun is waited for even where this task is cancelled: else its rows would be written twice.
        """
        work = asyncio.ensure_future(self._write_added())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await work
            raise

    async def _write_added(self) -> None:
        """Fails for nothing that the database does, so a cancellation that waits for this stays one."""
        for key, value in self._counters.changes().items():
            self._waiting[key] = self._waiting.get(key, 0.0) + value
        now = self._clock()
        today = bounds("day", now)[0]
        if not self._waiting and self._cleaned == today:
            return
        writing, self._waiting = self._waiting, {}
        try:
            await asyncio.to_thread(self._write, writing, now)
        except SQLAlchemyError as error:
            for key, value in writing.items():
                self._waiting[key] = self._waiting.get(key, 0.0) + value
            if not self._failing:
                self._failing = True
                _log.error("daily and monthly counts cannot be written, and wait in memory: %s", error)
            return
        self._cleaned = today
        if self._failing:
            self._failing = False
            _log.info("daily and monthly counts are written again")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self.write()

    def _write(self, writing: dict[WindowKey, float], now: float) -> None:
        day, month = bounds("day", now)[0], bounds("month", now)[0]
        start = table.c.window_start
        with self._engine.begin() as connection:
            if writing:
                _add(connection, writing)
            if self._cleaned != day:
                connection.execute(delete(table).where(or_(start < month, and_(start < day, start != month))))


def _add(connection: Connection, values: dict[WindowKey, float]) -> None:
    """Insert rows, or add to those that are there; in one order, so that two gateways cannot wait for each other."""
    rows = sorted(values.items())
    if connection.dialect.name == "postgresql":
        names, starts = [name for (name, _), _ in rows], [start for (_, start), _ in rows]
        connection.execute(_ADD_ARRAYS, {"names": names, "starts": starts, "values": [value for _, value in rows]})
        return
    listed = [(name, start, value) for (name, start), value in rows]
    connection.execute(_ADD_JSON, {"rows": orjson.dumps(listed).decode()})
