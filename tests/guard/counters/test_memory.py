"""Counters of one process: by hand, all or nothing, slots, what is given back, and memory."""

import asyncio
import math
from typing import Any

import pytest

from stillhouse.guard.counters.base import LEASE_SECONDS, Claim, Correction, Exceeded, Slot, Taken
from stillhouse.guard.counters.memory import MemoryCounters

MINUTE = 1_700_000_040.0  # a full minute
DAY = 1_700_006_400.0  # midnight in UTC
NAME = "{acme}key:k:requests_per_minute"
DAILY = "{acme}key:k:requests_per_day"


def take(counters: MemoryCounters, now: float, *claims: Claim, slots: tuple[Slot, ...] = (), lease: str = "") -> Any:
    return asyncio.run(counters.take(claims, now, slots, lease))


def settle(counters: MemoryCounters, taken: Taken, now: float, *corrections: Correction) -> None:
    asyncio.run(counters.settle(taken, corrections, now))


def test_a_minute_slides() -> None:
    counters = MemoryCounters()
    for number in range(10):
        assert take(counters, MINUTE + 50, Claim(NAME, 60, 10, 1)).used == (number + 1,)
    refused = take(counters, MINUTE + 51, Claim(NAME, 60, 10, 1))
    assert refused.claim == Claim(NAME, 60, 10, 1)
    assert refused.used == 10
    assert refused.seconds == pytest.approx(9 + 6, abs=0.002)  # a tenth of the next minute later, 9 count
    assert isinstance(take(counters, MINUTE + 65.9, Claim(NAME, 60, 10, 1)), Exceeded)
    assert take(counters, MINUTE + 66, Claim(NAME, 60, 10, 1)).used == (pytest.approx(10),)
    assert take(counters, MINUTE + 90, Claim(NAME, 60, 10, 1)).used == (pytest.approx(1 + 1 + 5),)
    assert take(counters, MINUTE + 240, Claim(NAME, 60, 10, 1)).used == (1,)


def test_a_day_begins_anew() -> None:
    counters = MemoryCounters()
    assert take(counters, DAY + 86399, Claim(DAILY, "day", 5, 5)).used == (5,)
    refused = take(counters, DAY + 86399, Claim(DAILY, "day", 5, 1))
    assert refused.seconds == pytest.approx(1, abs=0.002)
    assert take(counters, DAY + 86400, Claim(DAILY, "day", 5, 1)).used == (1,)


def test_all_or_nothing() -> None:
    counters = MemoryCounters()
    assert take(counters, DAY, Claim(NAME, 60, 10, 1), Claim(DAILY, "day", 1, 1)).used == (1, 1)
    for _ in range(20):
        refused = take(counters, DAY, Claim(NAME, 60, 10, 1), Claim(DAILY, "day", 1, 1), slots=(Slot("s", 1),))
        assert refused.claim.name == DAILY
    assert take(counters, DAY, Claim(NAME, 60, 10, 9), slots=(Slot("s", 1),), lease="a").used == (10,)
    assert take(counters, DAY, Claim(DAILY, "day", 9, 1), slots=(Slot("s", 1),), lease="b").claim == Slot("s", 1)
    assert take(counters, DAY, Claim(DAILY, "day", 9, 0)).used == (1,)


def test_a_claim_of_nothing_asks_whether_any_is_left() -> None:
    counters = MemoryCounters()
    taken = take(counters, DAY, Claim(DAILY, "day", 5.0, 0))
    assert taken.used == (0,)
    settle(counters, taken, DAY, Correction(DAILY, "day", 4.999))
    assert isinstance(take(counters, DAY, Claim(DAILY, "day", 5.0, 0)), Taken)
    settle(counters, taken, DAY, Correction(DAILY, "day", 7.5))
    refused = take(counters, DAY, Claim(DAILY, "day", 5.0, 0))
    assert refused.used == pytest.approx(12.499)


def test_a_claim_above_its_limit_never_passes() -> None:
    assert take(MemoryCounters(), DAY, Claim(NAME, 60, 10, 11)).seconds == math.inf


def test_corrections_go_where_the_amount_was_taken() -> None:
    counters = MemoryCounters()
    taken = take(counters, MINUTE + 59, Claim(NAME, 60, 100, 80))
    settle(counters, taken, MINUTE + 62, Correction(NAME, 60, -60))  # the bucket is the one before by now
    assert take(counters, MINUTE + 75, Claim(NAME, 60, 100, 0)).used == (pytest.approx(20 * 0.75),)
    settle(counters, taken, MINUTE + 75, Correction(NAME, 60, 30))
    assert take(counters, MINUTE + 75, Claim(NAME, 60, 100, 0)).used == (pytest.approx(20 * 0.75 + 30),)
    settle(counters, taken, MINUTE + 190, Correction(NAME, 60, -80))  # long gone
    assert take(counters, MINUTE + 190, Claim(NAME, 60, 100, 1)).used == (1,)


def test_yesterdays_reservation_is_not_given_back_today() -> None:
    counters = MemoryCounters()
    taken = take(counters, DAY + 86390, Claim(DAILY, "day", 100, 80))
    take(counters, DAY + 86401, Claim(DAILY, "day", 100, 5))
    settle(counters, taken, DAY + 86402, Correction(DAILY, "day", -70))
    assert take(counters, DAY + 86403, Claim(DAILY, "day", 100, 0)).used == (5,)


def test_nothing_falls_below_nothing() -> None:
    counters = MemoryCounters()
    taken = take(counters, DAY, Claim(DAILY, "day", 100, 10))
    settle(counters, taken, DAY, Correction(DAILY, "day", -50))
    assert take(counters, DAY, Claim(DAILY, "day", 100, 0)).used == (0,)


def test_slots_are_given_back_once_and_lapse_unless_renewed() -> None:
    counters, slot = MemoryCounters(), (Slot("{acme}account:a:concurrent", 2),)
    first = take(counters, 1000.0, slots=slot, lease="one")
    assert isinstance(take(counters, 1001.0, slots=slot, lease="two"), Taken)
    refused = take(counters, 1002.0, slots=slot, lease="three")
    assert (refused.claim, refused.used) == (slot[0], 2)
    settle(counters, first, 1003.0)
    settle(counters, first, 1003.0)
    assert isinstance(take(counters, 1003.0, slots=slot, lease="three"), Taken)
    assert isinstance(take(counters, 1003.0, slots=slot, lease="four"), Exceeded)
    asyncio.run(counters.renew([Taken((), 1003.0, "three", (slot[0].name,))], 1050.0))
    late = 1001.0 + LEASE_SECONDS
    assert isinstance(take(counters, late - 0.1, slots=slot, lease="four"), Exceeded)
    assert isinstance(take(counters, late, slots=slot, lease="four"), Taken)  # "two" lapsed, "three" did not
    assert isinstance(take(counters, late + 3, slots=slot, lease="five"), Exceeded)


def test_many_tasks_never_exceed() -> None:
    counters = MemoryCounters()

    async def go() -> list[Taken | Exceeded]:
        async def one(number: int) -> Taken | Exceeded:
            await asyncio.sleep(0)
            return await counters.take(
                [Claim(NAME, 60, 50, 1), Claim(DAILY, "day", 1000, 7)], DAY, [Slot("s", 40)], str(number)
            )

        return list(await asyncio.gather(*(one(number) for number in range(300))))

    results = asyncio.run(go())
    assert sum(isinstance(result, Taken) for result in results) == 40


def test_names_whose_windows_are_over_are_forgotten() -> None:
    counters = MemoryCounters()

    async def go() -> None:
        for number in range(20_000):
            daily = Claim(f"daily{number % 10}", "day", 9e9, 1)
            await counters.take([Claim(f"name{number}", 60, 5, 1), daily], DAY + number / 10)

    asyncio.run(go())
    # Within two minutes come 1,200 new names, and as many more may be waiting to be looked at.
    assert len(counters) < 2 * 1200 + 10
    assert take(counters, DAY + 2000, Claim("daily3", "day", 9e9, 0)).used == (2000,)


def test_what_was_kept_counts_where_its_window_still_runs() -> None:
    kept = {(DAILY, DAY): 7.0, ("{acme}key:k:budget_per_month", DAY): 3.0, ("old", DAY - 86400): 5.0}
    counters = MemoryCounters(kept)
    assert take(counters, DAY + 5, Claim(DAILY, "day", 10, 1), Claim("old", "day", 10, 0)).used == (8, 0)
    assert counters.changes() == {(DAILY, DAY): 1.0}
    assert counters.changes() == {}


def test_changes_tell_what_calendar_windows_got_also_of_those_that_ended() -> None:
    counters = MemoryCounters()
    taken = take(counters, DAY + 86399, Claim(DAILY, "day", 100, 10), Claim(NAME, 60, 100, 10))
    assert counters.changes() == {(DAILY, DAY): 10.0}
    settle(counters, taken, DAY + 86399, Correction(DAILY, "day", -4), Correction("new", "day", 0.5))
    take(counters, DAY + 86401, Claim(DAILY, "day", 100, 3))
    assert counters.changes() == {(DAILY, DAY): -4.0, (DAILY, DAY + 86400): 3.0, ("new", DAY): 0.5}
