"""Levels by hand, and the false discovery rate that they promise, late discoveries included."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from online_fdr.core.utils.sequence import DefaultLondGammaSequence

from stillhouse.guard.access.entities import Action
from stillhouse.guard.decide.budget import Budget

GAMMA = DefaultLondGammaSequence(c=0.07720838)


def level(alpha: float, t: int, discoveries: int) -> float:
    return alpha * GAMMA.calc_gamma(t, alpha=1.0) * (discoveries + 1)


def test_gamma_sums_to_at_most_one() -> None:
    """The sum up to ten million, and the integral of c ln x / (x exp sqrt(ln x)) from there: 2 c (v^3 + 3 v^2 + 6 v +
    6) exp(-v) at v = sqrt(ln x)."""
    n = 10_000_000
    j = np.arange(1, n + 1, dtype=np.float64)
    terms = 0.07720838 * np.log(np.maximum(j, 2)) / (j * np.exp(np.sqrt(np.log(j))))
    for at in (1, 2, 3, 1000):
        assert GAMMA.calc_gamma(at, alpha=1.0) == pytest.approx(terms[at - 1])
    v = math.sqrt(math.log(n))
    assert float(terms.sum()) + 2 * 0.07720838 * math.exp(-v) * (v**3 + 3 * v**2 + 6 * v + 6) < 1


def test_levels_by_hand() -> None:
    budget = Budget({"observe": 0.2, "suspend": 0.01})
    for t, subject in enumerate(("a", "b", "c"), 1):
        budget.open(subject)
        assert budget.threshold(subject, "observe") == pytest.approx(-math.log(level(0.2, t, 0)))
        assert budget.threshold(subject, "suspend") == pytest.approx(-math.log(level(0.01, t, 0)))
    # gamma_1 = 0.07720838 ln 2 = 0.0535168; 1 / (0.2 * 0.0535168) = 93.43.
    assert math.exp(budget.threshold("a", "observe")) == pytest.approx(93.43, abs=0.005)


def test_a_discovery_raises_the_levels_that_come_after_it() -> None:
    budget = Budget({"observe": 0.2, "suspend": 0.01})
    for subject in ("a", "b", "c"):
        budget.open(subject)
    before = {subject: budget.threshold(subject, "observe") for subject in ("a", "b", "c")}
    assert not budget.rejects("a", "observe", before["a"] - 1e-9)
    assert budget.rejects("a", "observe", before["a"])  # later, and reached exactly
    budget.took("a", "observe")
    budget.discovered()
    budget.open("d")
    assert budget.threshold("d", "observe") == pytest.approx(-math.log(level(0.2, 4, 1)))
    # Those that are open keep theirs.
    assert {subject: budget.threshold(subject, "observe") for subject in before} == before


def test_an_action_that_was_not_taken_has_no_discovery() -> None:
    """What was only noted must not make it easier to suspend: that level is a share of suspensions."""
    budget = Budget({"observe": 0.2, "suspend": 0.01})
    for subject in ("a", "b"):
        budget.open(subject)
        assert budget.rejects(subject, "observe", 9.0) and not budget.rejects(subject, "suspend", 6.0)
        budget.took(subject, "observe")
        budget.discovered()
    budget.open("c")
    assert budget.threshold("c", "observe") == pytest.approx(-math.log(level(0.2, 3, 2)))
    assert budget.threshold("c", "suspend") == pytest.approx(-math.log(level(0.01, 3, 0)))
    assert budget.rejects("b", "suspend", 20.0)
    budget.open("d")
    assert budget.threshold("d", "suspend") == pytest.approx(-math.log(level(0.01, 4, 0)))  # nobody to suspend
    budget.took("b", "suspend")
    budget.open("e")
    assert budget.threshold("e", "observe") == pytest.approx(-math.log(level(0.2, 5, 2)))
    assert budget.threshold("e", "suspend") == pytest.approx(-math.log(level(0.01, 5, 1)))


def test_what_a_stronger_action_was_taken_on_is_a_discovery_of_the_milder_one_that_it_reached() -> None:
    budget = Budget({"observe": 0.2, "slow": 0.1, "suspend": 0.01})
    budget.open("a")
    assert budget.rejects("a", "observe", 9.0) and budget.rejects("a", "suspend", 9.0)  # slow was never asked for
    budget.took("a", "suspend")
    budget.discovered()
    budget.open("b")
    told: tuple[tuple[Action, float, int], ...] = (("observe", 0.2, 1), ("slow", 0.1, 0), ("suspend", 0.01, 1))
    for action, alpha, found in told:
        assert budget.threshold("b", action) == pytest.approx(-math.log(level(alpha, 2, found)))


def test_two_sides_of_one_finding_count_once() -> None:
    budget = Budget({"observe": 0.2})
    for subject in ("a", "b"):
        budget.open(subject)
        assert budget.rejects(subject, "observe", 50.0)
        budget.took(subject, "observe")
    budget.discovered()
    budget.open("c")
    assert budget.threshold("c", "observe") == pytest.approx(-math.log(level(0.2, 3, 1)))


def test_a_rejection_stays() -> None:
    budget = Budget({"observe": 0.2})
    budget.open("a")
    assert budget.rejects("a", "observe", 50.0)
    assert budget.rejects("a", "observe", 60.0) and budget.rejects("a", "observe", -math.inf)
    budget.took("a", "observe")
    budget.discovered()
    budget.open("b")
    assert budget.threshold("b", "observe") == pytest.approx(-math.log(level(0.2, 2, 1)))
    assert not budget.rejects("b", "observe", -math.inf)


def proportion(rng: np.random.Generator, action: Action, guilty: NDArray[np.bool_]) -> tuple[float, int, int]:
    """(share of false discoveries, true ones, false ones) among 60 subjects, each looked at up to four times.

    The e-value of an innocent one is a martingale that starts at one, and plays to win: it doubles or falls to 0 at two
    looks and then bets all on reaching its threshold. Half of the innocent share one draw, so they fall and rise
    together. The evidence against the others grows with every look. A subject opens when it comes and is looked at
    again while others come.
    """
    budget = Budget({action: 0.1})
    n = len(guilty)
    log_e = np.zeros(n)
    found = np.zeros(n, np.bool_)
    alike = rng.random(n) < 0.5
    for now in range(n + 4):
        if now < n:
            budget.open(str(now))
        shared_draw = rng.random()
        for at in range(max(0, now - 3), min(now + 1, n)):
            if guilty[at]:
                log_e[at] += rng.exponential(3.0)
            elif log_e[at] > -math.inf and not found[at]:
                needed = max(budget.threshold(str(at), action) - float(log_e[at]), 1e-9)
                log_factor = needed if now - at == 3 else math.log(2)
                lucky = (shared_draw if alike[at] else rng.random()) < math.exp(-log_factor)
                log_e[at] = log_e[at] + log_factor + 1e-12 if lucky else -math.inf
            if not found[at] and budget.rejects(str(at), action, float(log_e[at])):
                found[at] = True
                budget.took(str(at), action)
                budget.discovered()
    false = int((found & ~guilty).sum())
    return false / max(1, int(found.sum())), int((found & guilty).sum()), false


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_false_discovery_rate_stays_below_its_level(share: float) -> None:
    rng = np.random.default_rng(int(share * 10))
    runs = [proportion(rng, "slow", rng.random(60) < share) for _ in range(2000)]
    shares = np.array([one[0] for one in runs])
    error = float(shares.std(ddof=1)) / math.sqrt(len(shares))
    assert float(shares.mean()) <= 0.1 + 3 * error
    # It is no budget that is never spent: both kinds of discoveries happen.
    assert sum(one[2] for one in runs) > 20
    assert share == 0 or np.mean([one[1] for one in runs]) > 3


def test_a_subject_is_opened_once() -> None:
    budget = Budget({"observe": 0.2})
    budget.open("a")
    with pytest.raises(ValueError, match="'a' has its levels already"):
        budget.open("a")
