"""Names of exchanges: their form, their order, and that no two are the same."""

import os
import re
import time

from stillhouse.guard.log.ids import ExchangeIds

FORM = re.compile(r"ex_[0-9A-HJKMNP-TV-Z]{26}")


def test_the_form_is_that_of_a_ulid() -> None:
    # The time of the ULID specification's example, 01ARYZ6S41..., is 1469918176385 milliseconds.
    assert ExchangeIds(lambda count: b"\x00" * count).new(1469918176.385) == "ex_01ARYZ6S41" + "0" * 16
    assert ExchangeIds(lambda count: b"\xff" * count).new(0.0) == "ex_" + "0" * 10 + "Z" * 16
    assert FORM.fullmatch(ExchangeIds(os.urandom).new(time.time()))


def test_names_ascend_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    ids = ExchangeIds(os.urandom)
    times = [1.0] * 1000 + [0.5] * 1000 + [1.001] * 1000 + [2.0]
    names = [ids.new(now) for now in times]
    assert names == sorted(set(names)) and len(names) == len(times)
    assert all(FORM.fullmatch(name) for name in names)


def test_counting_carries_into_the_random_part_and_then_into_the_time() -> None:
    ids = ExchangeIds(lambda count: b"\x00" * (count - 3) + b"\x0f\xff\xff")
    assert ids.new(1.0)[-8:] == "0000ZZZZ"
    assert ids.new(1.0)[-8:] == "00010000"
    ids = ExchangeIds(lambda count: b"\xff" * count)
    first, second = ids.new(1.0), ids.new(1.0)
    assert first < second and second[-16:] == "0" * 16


def test_gateways_that_start_together_make_different_names() -> None:
    gateways = [ExchangeIds(os.urandom) for _ in range(50)]
    names = {ids.new(1.0) for ids in gateways for _ in range(200)}
    assert len(names) == 50 * 200
