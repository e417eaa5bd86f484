"""Twenty accounts on an address, ten thousand requests of an account."""

from bench.detection_baselines.static_hunt import StaticHunt
from tests.bench.detection_baselines.asking import DAY, SECOND, ask


def crowd(n: int, ip: str = "x", first: int = 0) -> list[str]:
    return [f"{ip}{number}" for number in range(first, first + n)]


def test_nineteen_are_not_enough_and_the_twentieth_brings_all() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(19))]
    assert list(StaticHunt().flag([*log, *log, ask("elsewhere", 50, ip="y"), ask("nowhere", 51)])) == []
    found = list(StaticHunt().flag([*log, ask("x19", 100, ip="x")]))
    assert [flag.account for flag in found] == crowd(20)
    assert {flag.after_exchange for flag in found} == {"x19@100"}
    assert found[0].because == "20 accounts or more on one address within 14 days"


def test_whoever_comes_after_is_flagged_at_once_and_once() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(20))]
    later = [ask("x3", 200, ip="x"), ask("late", 300, ip="x"), ask("late", 400, ip="x")]
    found = list(StaticHunt().flag([*log, *later]))
    assert [flag.account for flag in found] == [*crowd(20), "late"]
    assert found[-1].after_exchange == "late@300"


def test_two_crowds_share_an_account() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(20))]
    log += [ask(account, 100 + number, ip="y") for number, account in enumerate(["x0", *crowd(19, "y")])]
    assert [flag.account for flag in StaticHunt().flag(log)] == [*crowd(20), *crowd(19, "y")]


def test_accounts_of_fourteen_days_ago_are_forgotten() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(19))]
    assert list(StaticHunt().flag([*log, ask("new", 14 * DAY, ip="x")])) == []
    found = list(StaticHunt().flag([*log, ask("new", 14 * DAY - 1, ip="x")]))
    assert len(found) == 20
    # x0 was last there 14 days ago; x1 to x18, the new one and one more are 20 without it.
    found = list(StaticHunt().flag([*log, ask("new", 14 * DAY, ip="x"), ask("newer", 14 * DAY, ip="x")]))
    assert [flag.account for flag in found] == [*crowd(18, first=1), "new", "newer"]


def test_who_is_seen_again_stays() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(19))]
    again = [ask(account, DAY + number, ip="x") for number, account in enumerate(crowd(19))]
    assert len(list(StaticHunt().flag([*log, *again, ask("new", 14 * DAY, ip="x")]))) == 20


def test_more_than_ten_thousand_requests() -> None:
    log = [ask("a", number * SECOND) for number in range(10_002)]
    assert list(StaticHunt().flag(log[:10_000])) == []
    (found,) = StaticHunt().flag(log)
    assert (found.account, found.after_exchange) == ("a", "a@10000000")
    slow = [ask("a", number * 14 * DAY // 10_000) for number in range(10_100)]
    assert list(StaticHunt().flag(slow)) == []


def test_an_account_of_a_crowd_is_not_flagged_for_its_requests_too() -> None:
    log = [ask(account, number, ip="x") for number, account in enumerate(crowd(20))]
    log += [ask("x0", 1000 + number, ip="x") for number in range(10_001)]
    assert len(list(StaticHunt().flag(log))) == 20


def test_fitting_reads_nothing() -> None:
    honest = iter([ask("a", 0)])
    StaticHunt().fit(honest)
    assert len(list(honest)) == 1
