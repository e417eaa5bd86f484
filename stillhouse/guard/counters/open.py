"""The counters that a config asks for, ready to count."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Engine

from stillhouse.guard.counters.base import Counters
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.persist import Persistence, load_counts
from stillhouse.guard.counters.valkey import ValkeyCounters

__all__ = ["counters_of"]


@asynccontextmanager
async def counters_of(address: str, engine: Engine, clock: Callable[[], float]) -> AsyncIterator[Counters]:
    """`address` is `memory` or that of a Valkey or Redis; ConfigError for another. Closed at the block's end."""
    if address != "memory":
        shared = ValkeyCounters(address)
        await shared.start()
        try:
            yield shared
        finally:
            await shared.close()
        return
    counters = MemoryCounters(load_counts(engine, clock()))
    persistence = Persistence(counters, engine, clock)
    persistence.start()
    try:
        yield counters
    finally:
        await persistence.close()
        await counters.close()
