"""Wrong keys: so many a minute from one host, others untouched, memory bounded under an attack."""

import pytest

from stillhouse.guard.access.failed_keys import FailedKeys
from stillhouse.guard.refusal import Refusal


def refused(failed: FailedKeys, address: str, now: float) -> Refusal | None:
    try:
        failed.check(address, now)
    except Refusal as refusal:
        return refusal
    return None


def test_so_many_a_minute_and_then_a_wait() -> None:
    failed = FailedKeys(3)
    for second in (0.0, 10.0, 20.0):
        assert refused(failed, "192.0.2.1", 1000.0 + second) is None
        failed.failed("192.0.2.1", 1000.0 + second)
    refusal = refused(failed, "192.0.2.1", 1030.0)
    assert refusal is not None
    assert (refusal.rule, refusal.status, refusal.retry_after) == ("key.too_many_failures", 429, 30.0)
    assert refused(failed, "192.0.2.2", 1030.0) is None
    assert refused(failed, "192.0.2.1", 1060.0) is None
    failed.failed("192.0.2.1", 1060.0)
    assert refused(failed, "192.0.2.1", 1061.0) is None


def test_an_ipv6_client_does_not_escape_within_its_64() -> None:
    failed = FailedKeys(2)
    failed.failed("2001:db8:1:2::1", 0.0)
    failed.failed("2001:db8:1:2::2", 0.0)
    assert refused(failed, "2001:db8:1:2::3", 1.0) is not None
    assert refused(failed, "2001:db8:1:3::3", 1.0) is None


def test_memory_stays_bounded_when_thirty_thousand_hosts_attack() -> None:
    failed = FailedKeys(2, most=1000)
    for number in range(30_000):
        failed.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", number / 10_000)
        assert len(failed) <= 1000
    failed.failed("192.0.2.1", 10.0)
    failed.failed("192.0.2.1", 10.0)
    assert refused(failed, "192.0.2.1", 11.0) is not None


def test_minutes_that_are_over_are_forgotten() -> None:
    failed = FailedKeys(2)
    for number in range(500):
        failed.failed(f"10.0.{number >> 8}.{number & 255}", 0.0)
    failed.failed("192.0.2.1", 60.0)
    assert len(failed) == 1


@pytest.mark.parametrize("address", ["", "testclient"])
def test_a_peer_without_an_address_counts_too(address: str) -> None:
    failed = FailedKeys(1)
    failed.failed(address, 0.0)
    assert refused(failed, address, 0.0) is not None
