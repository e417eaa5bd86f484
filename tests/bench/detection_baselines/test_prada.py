"""PRADA on accounts whose distances are given: normal ones, evenly spread ones, and those of one text."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from scipy.stats import shapiro

from bench.detection_baselines.prada import Prada, normality
from stillhouse.errors import ConfigError
from stillhouse.types import Exchange
from tests.bench.detection_baselines.asking import Axes, ask


def requests(account: str, distances: Iterable[float]) -> list[Exchange]:
    """The first lies in the origin; the others at these distances from it, and further from one another."""
    texts = ["0 0", *(f"{axis} {distance}" for axis, distance in enumerate(distances, 1))]
    return [ask(account, number, text) for number, text in enumerate(texts)]


def normal(seed: int, n: int = 140) -> list[float]:
    found: list[float] = np.random.Generator(np.random.PCG64(seed)).normal(1.0, 0.1, n).tolist()
    return found


def exact(seed: int, n: int = 140) -> list[float]:
    """The same as an embedding holds them."""
    found: list[float] = np.asarray(normal(seed, n), np.float32).tolist()
    return found


def evenly(n: int = 140) -> list[float]:
    """Uniform between 0.5 and 1.5, in an order that has nothing to do with the size."""
    return [0.5 + number * 37 % n / n for number in range(n)]


def fitted(accounts: int = 30) -> Prada:
    prada = Prada(Axes())
    prada.fit(exchange for seed in range(accounts) for exchange in requests(f"h{seed}", normal(seed)))
    return prada


def lowest(distances: Sequence[float]) -> float:
    """W at 110, 120, ... distances."""
    found = [normality(np.asarray(distances[:n])) for n in range(110, len(distances) + 1, 10)]
    return min(w for w in found if w is not None)


def test_w_is_of_distances_within_three_deviations() -> None:
    distances = np.array([*normal(0, 120), 9.0])
    assert normality(distances) == pytest.approx(float(shapiro(distances[:-1]).statistic))
    assert normality(np.full(120, 0.5)) is None
    # One in 120 is an outlier; what is left is all one value.
    assert normality(np.array([0.5] * 119 + [3.0])) is None


def test_delta_is_the_lowest_w_of_the_honest() -> None:
    prada = fitted()
    assert prada.judged == 30
    assert prada.delta == pytest.approx(min(lowest(exact(seed)) for seed in range(30)))
    honest = [exchange for seed in range(30) for exchange in requests(f"h{seed}", normal(seed))]
    assert list(prada.flag(honest)) == []


def test_one_of_334_honest_accounts_may_fall_below() -> None:
    prada = Prada(Axes())
    prada.fit(exchange for seed in range(334) for exchange in requests(f"h{seed}", normal(seed, 110)))
    assert prada.delta == pytest.approx(sorted(lowest(exact(seed, 110)) for seed in range(334))[1])


def test_even_distances_are_flagged_and_new_normal_ones_are_not() -> None:
    prada = fitted()
    log = requests("thief", evenly()) + [e for seed in range(100, 105) for e in requests(f"new{seed}", normal(seed))]
    (found,) = prada.flag(sorted(log, key=lambda exchange: exchange.time))
    assert (found.account, found.after_exchange) == ("thief", "thief@110")  # its 111th request, the 110th distance
    assert found.because.startswith("W 0.95")


def test_nobody_is_judged_before_there_are_more_than_100_distances() -> None:
    prada = fitted()
    assert list(prada.flag(requests("thief", evenly()[:109]))) == []
    assert len(list(prada.flag(requests("thief", evenly()[:110])))) == 1


def test_it_looks_at_every_tenth_request() -> None:
    prada = fitted()
    turns = [*normal(3, 110), *([0.2] * 4), *([3.0] * 26)]
    (found,) = prada.flag(requests("a", turns))
    delta = prada.delta or 0.0
    first = next(n for n in range(110, 141, 10) if (normality(np.asarray(turns[:n], np.float32)) or 1.0) < delta)
    assert first > 110 and found.after_exchange == f"a@{first}"


def test_one_text_for_ever_and_requests_without_text() -> None:
    prada = fitted()
    assert list(prada.flag([ask("a", number, "7 1") for number in range(300)])) == []
    empty = [ask("thief", number, "") for number in range(500, 900)]
    assert list(prada.flag(empty)) == []
    (found,) = prada.flag([*empty[:50], *requests("thief", evenly())])
    assert found.after_exchange == "thief@110"


def test_too_little_honest_traffic_is_one_line() -> None:
    with pytest.raises(ConfigError, match="no honest account has 111 requests with text"):
        Prada(Axes()).fit(requests("a", normal(0, 109)))
