"""The MMD detector on accounts whose queries are points of a plane."""

import numpy as np
import pytest

from bench.detection_baselines.mmd import Mmd
from stillhouse.errors import ConfigError
from stillhouse.types import Exchange
from tests.bench.detection_baselines.asking import Spelled, ask


def requests(account: str, seed: int, n: int, centre: float = 0.0) -> list[Exchange]:
    points = np.random.Generator(np.random.PCG64(seed)).normal(centre, 1, size=(n, 2))
    return [ask(account, number, f"{x} {y}") for number, (x, y) in enumerate(points)]


def honest(accounts: int = 20, n: int = 130) -> list[Exchange]:
    return [exchange for seed in range(accounts) for exchange in requests(f"h{seed}", seed, n)]


def fitted(window: int = 50) -> Mmd:
    mmd = Mmd(window, Spelled())
    mmd.fit(iter(honest()))
    return mmd


def test_a_window_from_elsewhere_is_flagged_when_it_is_full() -> None:
    mmd = fitted()
    assert mmd.calibrated_on == 40  # two full windows of each of 20 accounts
    (found,) = mmd.flag(requests("thief", 99, 120, centre=2.0))
    assert (found.account, found.after_exchange) == ("thief", "thief@49")
    assert found.because.startswith("MMD^2 ")


def test_none_of_few_honest_windows_exceeds_the_threshold() -> None:
    assert list(fitted().flag(honest())) == []


def test_an_account_without_a_full_window_is_never_judged() -> None:
    assert list(fitted().flag(requests("thief", 99, 49, centre=2.0))) == []
    assert len(list(fitted().flag(requests("thief", 99, 50, centre=2.0)))) == 1


def test_windows_do_not_overlap() -> None:
    log = requests("a", 50, 50) + requests("a", 51, 50, centre=2.0)
    log = [ask("a", number, str(e.request["messages"][0]["content"])) for number, e in enumerate(log)]
    (found,) = fitted().flag(log)
    assert found.after_exchange == "a@99"  # a window that slides would have told before
    (found,) = fitted().flag(log[20:])
    assert found.after_exchange == "a@69"


def test_requests_without_text_fill_no_window() -> None:
    thief = requests("thief", 99, 50, centre=2.0)
    empty = [ask("thief", 1000 + number, "") for number in range(30)]
    (found,) = fitted().flag([*empty, *thief[:25], *empty, *thief[25:]])
    assert found.after_exchange == "thief@49"


def test_at_most_three_in_a_thousand_honest_windows_exceed() -> None:
    mmd = Mmd(4, Spelled())
    mmd.fit(honest(accounts=32, n=44))  # 352 windows: one may
    assert mmd.calibrated_on == 352
    blocks = [requests(f"h{seed}", seed, 44)[at : at + 4] for seed in range(32) for at in range(0, 44, 4)]
    apart = [
        ask(f"w{number}", at, str(exchange.request["messages"][0]["content"]))
        for number, block in enumerate(blocks)
        for at, exchange in enumerate(block)
    ]
    assert len(list(mmd.flag(apart))) == 1


def test_the_published_null_takes_honest_accounts_for_one() -> None:
    # Honest accounts that each have a place of their own: all differ from the pool, and from its samples none does.
    own = [exchange for seed in range(20) for exchange in requests(f"h{seed}", seed, 100, centre=seed % 5 - 2.0)]
    published, ours = Mmd(50, Spelled(), null="pairs"), Mmd(50, Spelled())
    published.fit(own)
    ours.fit(own)
    assert published.name == "MMD, windows of 50, spelled, published null"
    assert published.calibrated_on == 1000
    assert published.threshold is not None and ours.threshold is not None and published.threshold < ours.threshold
    assert len(list(published.flag(own))) >= 16
    assert list(ours.flag(own)) == []


def test_the_same_log_gives_the_same_threshold() -> None:
    assert fitted().threshold == fitted().threshold


@pytest.mark.parametrize("null", ["accounts", "pairs"])
def test_no_honest_window_is_one_line(null: str) -> None:
    mmd = Mmd(1500, Spelled(), null="pairs" if null == "pairs" else "accounts")
    with pytest.raises(ConfigError, match="no window of 1,500 honest requests with text; give a longer honest log"):
        mmd.fit(requests("a", 0, 1499))
