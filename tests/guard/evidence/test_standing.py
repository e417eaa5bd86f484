"""Standings by hand, and that a rank among honest accounts is a p-value however odd honest accounts are."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.horizons import BANDS, band_of
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.evidence.standing import Maxima, Scale, Standing, maxima_by_band
from stillhouse.guard.features.cues import CUES
from stillhouse.stats.conformal import conformal_log_p

PURPOSE = Purpose((0.02, 0.04, 0.01, 0.03, 0.2))
NOTHING = [0.0] * len(CUES)


def life(rng: np.random.Generator) -> list[Maxima]:
    """An honest account's maxima after each request. Its rates of cues are its own, and some people's are high all
    their lives: a tenth of the shares are above ten times the median. So are volumes."""
    requests = int(min(4 * rng.pareto(1.2) + 1, 150))
    rates = np.minimum(0.01 * rng.pareto(1.0, len(CUES)), 0.95)
    masks = (rng.random((requests, len(CUES))) < rates) @ np.array([int(cue) for cue in CUES])
    running, best = Purpose.start(), Purpose.start()
    closed: list[tuple[float, ...]] = []
    lived: list[Maxima] = []
    for count, mask in enumerate(masks.tolist(), 1):
        if band_of(count) > len(closed):
            closed.append(tuple(best))
        PURPOSE.update(running, best, mask)
        lived.append(maxima_by_band(tuple(closed), tuple(best)))
    return lived


def test_standings_by_hand() -> None:
    """Nine accounts of one band with scores of the first cue from 1 to 9, of which one has a second band."""
    accounts: list[Maxima] = [[[float(one), 0.0, 0.0, 0.0, 0.0]] for one in range(1, 9)]
    accounts.append([[9.0, 0.0, 0.0, 0.0, 0.0], [20.0, 5.0, 0.0, 0.0, 0.0]])
    scale = Scale.of(accounts)
    assert [len(scale.reached[band][0]) for band in range(BANDS)] == [9, 1] + [0] * (BANDS - 2)
    assert scale.standing([NOTHING]) == Standing(0.0, "", 0)
    # 4 is reached by six of nine: p = 7 / 10. 100 by none: 1 / 10.
    assert scale.standing([[4.0, *NOTHING[1:]]]).value == pytest.approx(Purpose.score(4.0) - math.log(0.7))
    assert scale.standing([[100.0, *NOTHING[1:]]]).value == pytest.approx(Purpose.score(100.0) - math.log(0.1))
    # In the second band one of one reached 5 of the second cue: p = 1; the first band says more.
    found = scale.standing([[8.0, *NOTHING[1:]], [8.0, 5.0, 0.0, 0.0, 0.0]])
    assert (found.cue, found.band) == ("reasoning", 0) and found.value == pytest.approx(
        Purpose.score(8.0) - math.log(0.3)
    )
    # 6 of it none: p = 1 / 2.
    found = scale.standing([[1.0, *NOTHING[1:]], [1.0, 6.0, 0.0, 0.0, 0.0]])
    assert (found.cue, found.band) == ("verdict", 1)
    assert found.value == pytest.approx(Purpose.score(6.0) - math.log(0.5))


def test_a_standing_only_grows() -> None:
    rng = np.random.default_rng(5)
    scale = Scale.of([life(rng)[-1] for _ in range(200)])
    for _ in range(100):
        values = [scale.standing(maxima).value for maxima in life(rng)]
        assert values == sorted(values)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rank_is_a_p_value_whatever_honest_accounts_are_like(seed: int) -> None:
    """2,000 accounts of a reference, 2,000 new ones, each looked at until its end, where its p-value is smallest.

    The rate has the error of the new accounts and of those that it is ranked among: their sum is what is allowed.
    """
    rng = np.random.default_rng(seed)
    scale = Scale.of([life(rng)[-1] for _ in range(1000)])
    ranks = np.sort([scale.standing(life(rng)[-1]).value for _ in range(1000)])
    log_ps = np.array([conformal_log_p(scale.standing(life(rng)[-1]).value, ranks) for _ in range(2000)])
    for level in (0.05, 0.01):
        error = math.sqrt(level * (1 - level) * (1 / 2000 + 1 / 1000))
        rate = float((log_ps <= math.log(level)).mean())
        assert rate <= level + 3 * error
        # A rank wastes nothing but ties.
        assert rate >= level - 3 * error
    assert float(log_ps.min()) >= -math.log(1001) - 1e-12


def test_an_account_that_turns_bad_late_is_seen() -> None:
    rng = np.random.default_rng(6)
    scale = Scale.of([life(rng)[-1] for _ in range(1000)])
    ranks = np.sort([scale.standing(life(rng)[-1]).value for _ in range(1000)])
    running, best = Purpose.start(), Purpose.start()
    closed: list[tuple[float, ...]] = []
    for count in range(1, 141):
        if band_of(count) > len(closed):
            closed.append(tuple(best))
        PURPOSE.update(running, best, int(CUES[0]) if count > 100 else 0)
    found = scale.standing(maxima_by_band(closed, best))
    # Within its first 128 requests, or its first 256 of which it has made 140.
    assert found.cue == "reasoning" and found.band in (4, 5)
    assert conformal_log_p(found.value, ranks) < math.log(0.05)
