"""Shares and thresholds by hand, against e-BH where that is the same, and the false discovery rate."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from online_fdr.e_values import e_bh

from stillhouse.guard.decide.online_budget import OnlineBudget


def test_shares_by_hand() -> None:
    budget = OnlineBudget({"slow": 0.1}, 100)
    # 6 / pi^2 over the first hundred, a quarter of it over the next two hundred, a ninth over the next four hundred.
    first = 6 / math.pi**2 / 100
    for number, share in ((0, first), (99, first), (100, first / 8), (299, first / 8), (300, first / 36)):
        assert math.exp(budget.log_share(number)) == pytest.approx(share)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_shares_sum_to_less_than_one(block: int) -> None:
    budget = OnlineBudget({"slow": 0.1}, block)
    total = sum(math.exp(budget.log_share(block * ((1 << at) - 1))) * (block << at) for at in range(900))
    assert 0.999 < total < 1


def test_a_second_finding_lowers_what_both_need() -> None:
    budget = OnlineBudget({"observe": 0.2, "slow": 0.05}, 10)
    alone = -math.log(0.2 * 6 / math.pi**2 / 10)
    half = alone - math.log(2) + 1e-9
    assert budget.threshold(3, "observe") == pytest.approx(alone)
    assert budget.note(3, half) and not budget.count()
    assert not budget.rejects(3, "observe")
    # Two of two reach half of it: both are found, the first as well, though nothing new is known of it.
    budget.note(8, half)
    assert budget.count() and not budget.count()
    assert budget.rejects(3, "observe") and budget.rejects(8, "observe") and not budget.rejects(3, "slow")
    assert budget.threshold(3, "observe") == pytest.approx(alone - math.log(2))


def test_evidence_never_falls_and_none_is_not_kept() -> None:
    budget = OnlineBudget({"observe": 0.2}, 1)
    budget.note(0, 9.0)
    budget.note(0, 2.0)
    budget.count()
    assert budget.rejects(0, "observe")
    assert not budget.note(1, -0.1) and not budget.rejects(1, "observe")


def test_with_even_shares_it_is_e_bh() -> None:
    """Within one block hypothesis i has the level alpha * share: e-BH of as many hypotheses as that is worth."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 40))
        es = np.exp(rng.exponential(2.0, n))
        budget = OnlineBudget({"slow": 0.3}, n)
        for number, e in enumerate(es):
            budget.note(number, math.log(e))
        budget.count()
        expected = e_bh(list(es), 0.3 * 6 / math.pi**2)
        assert [budget.rejects(number, "slow") for number in range(n)] == expected


def proportion(rng: np.random.Generator, guilty: NDArray[np.bool_]) -> tuple[float, int]:
    """(largest share of false discoveries at any time, true ones at the end) among subjects that are looked at when
    they come and three times later. Innocent e-values double or end, half of them with one shared draw."""
    budget = OnlineBudget({"slow": 0.2}, 20)
    n = len(guilty)
    log_e, alike, worst = np.zeros(n), rng.random(n) < 0.5, 0.0
    for now in range(n + 3):
        shared = rng.random()
        for at in range(max(0, now - 3), min(now + 1, n)):
            if guilty[at]:
                log_e[at] += rng.exponential(3.0)
            elif log_e[at] > -math.inf:
                factor = 40.0 if now - at == 3 else 2.0
                lucky = (shared if alike[at] else rng.random()) < 1 / factor
                log_e[at] = log_e[at] + math.log(factor) if lucky else -math.inf
            budget.note(at, float(log_e[at]))
        budget.count()
        found = np.array([budget.rejects(at, "slow") for at in range(n)])
        worst = max(worst, float((found & ~guilty).sum()) / max(1, int(found.sum())))
    return worst, int((found & guilty).sum())


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_false_discovery_rate_stays_below_its_level_at_every_moment(share: float) -> None:
    """What an innocent subject's e-value was at its largest is no e-value, so here it may be kept as well: it has
    expectation at most one at the end, and the budget never lets go of what it was told."""
    rng = np.random.default_rng(7)
    runs = [proportion(rng, rng.random(40) < share) for _ in range(500)]
    shares = np.array([one[0] for one in runs])
    assert float(shares.mean()) <= 0.2 + 3 * float(shares.std(ddof=1)) / math.sqrt(len(shares))
    assert share == 0 or np.mean([one[1] for one in runs]) > 3


def test_a_block_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="it needs one or more"):
        OnlineBudget({"slow": 0.1}, 0)
