"""Whatever is asked in whatever order: both kinds of counters say what their definition says, and the bound holds."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillhouse.guard.counters.base import Claim, Correction, Counters, Exceeded, Slot, Taken
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.valkey import ValkeyCounters
from tests.guard.counters.naive import Naive, surplus

START = 1_798_761_500.0  # a little before midnight of a new year in UTC
PATIENCE = 5.0  # of tests on a busy machine
_NUMBERS = count()

# Steps: seconds to wait, requests, tokens. Bursts at the ends of minutes are what the bound is about.
Step = tuple[float, int, int]
PAUSES = st.sampled_from([0.0, 0.0, 0.125, 1.0, 5.0, 14.75, 29.5, 45.0, 61.0, 130.0, 400.0])
STEPS = st.lists(st.tuples(PAUSES, st.integers(1, 3), st.integers(1, 40)), min_size=1, max_size=40)
LIMITS = st.tuples(st.integers(1, 8), st.integers(20, 100), st.integers(3, 30))

on_a_server = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def claims_of(prefix: str, limits: tuple[int, int, int], requests: int, tokens: int) -> list[Claim]:
    return [
        Claim(f"{prefix}requests", 60, limits[0], requests),
        Claim(f"{prefix}tokens", 60, limits[1], tokens),
        Claim(f"{prefix}daily", "day", limits[2], requests),
    ]


async def follows_its_definition(counters: Counters, steps: list[Step], limits: tuple[int, int, int]) -> int:
    """Every answer, but for those that are a matter of rounding, and no window beyond limit and stated error.

    How many requests were let through.
    """
    naive, now, through = Naive(), START, 0
    prefix = f"{{acme{next(_NUMBERS)}}}"
    for pause, requests, tokens in steps:
        now += pause
        claims = claims_of(prefix, limits, requests, tokens)
        rooms = [naive.room(claim, now) for claim in claims]
        answer = await counters.take(claims, now)
        if all(abs(room) > Fraction(1, 10**6) for room in rooms):
            failed = [claim for claim, room in zip(claims, rooms, strict=True) if room < 0]
            assert (answer.claim if isinstance(answer, Exceeded) else None) == (failed[0] if failed else None)
        if isinstance(answer, Taken):
            through += 1
            naive.take(claims, now)
            for claim, used, room in zip(claims, answer.used, rooms, strict=True):
                assert abs(Fraction(used) - (Fraction(claim.limit) - room)) < Fraction(1, 10**6)
    for name, limit in (("requests", limits[0]), ("tokens", limits[1])):
        taken = naive.taken.get(prefix + name, [])
        assert surplus(taken, 60, limit) <= Fraction(1, 10**6)
    return through


@given(STEPS, LIMITS)
def test_memory_follows_its_definition(steps: list[Step], limits: tuple[int, int, int]) -> None:
    first = all(asked <= limit for asked, limit in zip((steps[0][1], steps[0][2], steps[0][1]), limits, strict=True))
    through = asyncio.run(follows_its_definition(MemoryCounters(), steps, limits))
    assert first <= through <= len(steps)


@on_a_server
@given(STEPS, LIMITS)
def test_valkey_follows_its_definition(valkey_url: str, steps: list[Step], limits: tuple[int, int, int]) -> None:
    async def go() -> None:
        counters = ValkeyCounters(valkey_url, PATIENCE)
        await counters.start()
        await follows_its_definition(counters, steps, limits)
        assert counters.outages == 0
        await counters.close()

    asyncio.run(go())


def test_the_bound_is_reached_so_it_is_not_stated_too_high() -> None:
    """A full burst at the end of one minute, then all that goes through at the end of the next: nearly twice."""

    async def go() -> list[tuple[Fraction, Fraction]]:
        counters, taken = MemoryCounters(), []
        for now in [59.999] * 200 + [60 + step / 10 for step in range(600)]:
            if isinstance(await counters.take([Claim("r", 60, 100, 1)], now), Taken):
                taken.append((Fraction(now), Fraction(1)))
        return taken

    taken = asyncio.run(go())
    most = max(sum(1 for at, _ in taken if end - 60 < at <= end) for end, _ in taken)
    assert 195 <= most < 200
    assert surplus(taken, 60, 100) <= Fraction(1, 10**6)


# Steps with corrections and slots: pause, tokens, what is settled (which earlier request, by how much), slot asked.
AMOUNTS = st.integers(-50, 50)
TOKENS = st.sampled_from([0, 0, 1, 25, 25, 50]) | st.integers(0, 40)  # so limits are often just reached
FULL_STEPS = st.lists(
    st.tuples(PAUSES, TOKENS, st.none() | st.tuples(st.integers(0, 5), AMOUNTS), st.booleans()),
    min_size=1,
    max_size=25,
)


@on_a_server
@given(FULL_STEPS)
def test_both_kinds_say_the_same_to_everything(
    valkey_url: str, steps: list[tuple[float, int, tuple[int, int] | None, bool]]
) -> None:
    prefix = f"{{same{next(_NUMBERS)}}}"

    async def run(counters: Counters) -> list[Taken | Exceeded]:
        now, answers, held = START, list[Taken | Exceeded](), list[Taken]()
        for number, (pause, tokens, settling, slot) in enumerate(steps):
            now += pause
            claims = [Claim(f"{prefix}t", 60, 100, tokens), Claim(f"{prefix}d", "day", 250, tokens)]
            slots = [Slot(f"{prefix}c", 2)] if slot else []
            answer = await counters.take(claims, now, slots, str(number))
            answers.append(answer)
            if isinstance(answer, Taken):
                held.append(answer)
            if settling is not None and settling[0] < len(held):
                which, amount = settling
                corrections = [Correction(f"{prefix}t", 60, amount), Correction(f"{prefix}d", "day", amount)]
                await counters.settle(held[which], corrections, now)
        return answers

    async def go(make: Callable[[], Counters]) -> list[Taken | Exceeded]:
        counters = make()
        if isinstance(counters, ValkeyCounters):
            await counters.start()
        answers = await run(counters)
        await counters.close()
        return answers

    shared = asyncio.run(go(lambda: ValkeyCounters(valkey_url, PATIENCE)))
    assert shared == asyncio.run(go(MemoryCounters))
