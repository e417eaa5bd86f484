"""Limits in a sliding minute and day, to the request."""

import pytest

from bench.detection_baselines.rate_limit import RateLimit
from stillhouse.errors import ConfigError
from tests.bench.detection_baselines.asking import DAY, SECOND, ask


def test_the_sixty_first_request_of_a_minute_is_flagged_once() -> None:
    log = [ask("a", second * SECOND // 2) for second in range(100)]
    (found,) = RateLimit.fixed().flag(log)
    assert (found.account, found.after_exchange) == ("a", "a@30000")
    assert found.because == "more than 60 requests in a minute"
    assert found.time == log[60].time


def test_the_minute_ends_with_its_sixtieth_second() -> None:
    sixty = [ask("a", number) for number in range(60)]
    assert list(RateLimit.fixed().flag([*sixty, ask("a", 60 * SECOND)])) == []
    assert [found.account for found in RateLimit.fixed().flag([*sixty, ask("a", 60 * SECOND - 1)])] == ["a"]


def test_the_day_has_a_limit_of_its_own() -> None:
    log = [ask("a", number * 2 * SECOND) for number in range(10_002)]
    (found,) = RateLimit.fixed().flag(log)
    assert (found.after_exchange, found.because) == ("a@20000000", "more than 10,000 requests in a day")
    spread = [ask("a", number * DAY // 10_000) for number in range(10_050)]
    assert list(RateLimit.fixed().flag(spread)) == []


def test_limits_are_what_one_honest_account_in_a_thousand_exceeds() -> None:
    honest = [ask(f"h{number}", number) for number in range(1997)]
    for account, requests, apart in (("x", 9, 1), ("y", 5, 2), ("z", 4, 61 * SECOND)):
        honest += [ask(account, 10_000 + number * apart) for number in range(requests)]
    limit = RateLimit.calibrated()
    limit.fit(iter(honest))
    # Of 2,000 accounts two may exceed: in a minute x with 9 and y with 5, in a day the same; z comes next.
    assert limit.limits == {"minute": 1, "day": 4}
    assert [found.account for found in limit.flag(honest)] == ["x", "y"]


def test_errors_count_and_accounts_are_apart() -> None:
    limit = RateLimit.fixed(minute=1, day=9)
    assert list(limit.flag([ask("a", 0), ask("b", 0), ask("c", 0)])) == []


def test_no_honest_account_is_a_users_fault() -> None:
    with pytest.raises(ConfigError, match="holds no account"):
        RateLimit.calibrated().fit([])
