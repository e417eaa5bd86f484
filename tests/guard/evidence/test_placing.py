"""Places by hand, and that a rank among accounts that made the scale is a p-value however odd honest accounts are."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.placing import MODELLED, Places
from stillhouse.guard.evidence.standing import Scale
from stillhouse.stats.conformal import conformal_log_p
from stillhouse.stats.evalue import log_e_of_rank
from tests.guard.evidence.lives import life, lived


def test_ranks_by_hand() -> None:
    places = Places.of(np.array([3.0, 1.0, 2.0]))
    assert places.tail is None
    for value, rank in ((9.0, 1), (3.0, 2), (2.5, 2), (0.0, 4)):
        placed = places.place(value)
        assert (placed.rank, placed.honest, placed.modelled) == (rank, 3, False)
        assert placed.log_p == pytest.approx(math.log(rank / 4)) and placed.log_e == log_e_of_rank(rank, 3)


def test_beyond_the_first_place_the_model_says_more() -> None:
    values = np.random.default_rng(1).exponential(size=2000)
    places = Places.of(values)
    assert places.tail is not None
    second = places.place(float(np.sort(values)[-1]))
    assert (second.rank, second.modelled, second.log_e) == (2, False, log_e_of_rank(2, 2000))
    first = [places.place(float(values.max()) + more) for more in (1e-9, 5.0, 10.0, 1e6)]
    assert [one.rank for one in first] == [1] * 4
    # Just beyond the largest the bound says no more than the rank; far beyond it is marked, down to its floor.
    assert not first[0].modelled and first[0].log_e == pytest.approx(log_e_of_rank(1, 2000) + math.log1p(-MODELLED))
    assert all(one.modelled for one in first[1:])
    assert first[3].log_p == pytest.approx(-2 * math.log(2000))
    es = [one.log_e for one in first]
    assert es == sorted(es) and es[3] > log_e_of_rank(1, 2000) + 3


def test_what_it_is_worth_has_expectation_one_where_the_model_holds() -> None:
    """Ranks are uniform, and given the first one the model's p-value is at least uniform: E[e] <= 1."""
    n = 999
    worth = sum(math.exp(log_e_of_rank(rank, n)) for rank in range(2, n + 2)) / (n + 1)
    tail = np.linspace(0, 1, 200_001)[1:]
    least = 1 / (n + 1)
    beyond = (1 - MODELLED) + MODELLED * (1 / np.maximum(tail, least) - 1) / math.log(n + 1)
    first = math.exp(log_e_of_rank(1, n)) / (n + 1) * float(beyond.mean())
    assert worth + first <= 1.0 + 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rank_is_a_p_value_whatever_honest_accounts_are_like(seed: int) -> None:
    """1,500 accounts of a reference, all of which made the scale, and 1,500 new ones, each looked at until its end,
    where its p-value is smallest."""
    rng = np.random.default_rng(seed)
    reference = [life(rng)[-1] for _ in range(1500)]
    scale = Scale.of(reference)
    ranks = np.sort([scale.standing(one, member=True).value for one in reference])
    log_ps = np.array([conformal_log_p(scale.standing(life(rng)[-1]).value, ranks) for _ in range(1500)])
    for level in (0.05, 0.01):
        error = math.sqrt(level * (1 - level) * 2 / 1500)
        rate = float((log_ps <= math.log(level)).mean())
        # A rank wastes nothing but ties.
        assert level - 3 * error <= rate <= level + 3 * error
    assert float(log_ps.min()) >= -math.log(1501) - 1e-12


def test_an_account_that_turns_bad_late_is_seen() -> None:
    rng = np.random.default_rng(6)
    reference = [life(rng)[-1] for _ in range(1000)]
    scale = Scale.of(reference)
    places = Places.of(np.array([scale.standing(one, member=True).value for one in reference]))
    found = scale.standing(lived([0] * 100 + [1] * 40)[-1])
    # Within its first 128 requests, or its first 256 of which it has made 140; one in nine of these honest accounts
    # showed some cue as often.
    assert found.cue == "reasoning" and found.band in (4, 5)
    assert places.place(found.value).log_p < math.log(0.15)
    assert places.place(scale.standing(lived([0] * 140)[-1]).value).log_p == 0.0
