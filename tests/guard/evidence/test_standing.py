"""Standings by hand, and that they only grow."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.evidence.standing import UNTOLD, Maxima, Scale
from stillhouse.guard.features.cues import CUES
from tests.guard.evidence.lives import life

NOTHING = [0.0] * len(CUES)


def nine() -> Scale:
    """Accounts of one band with maxima of the first cue from 1 to 9, of which one has a second band."""
    accounts: list[Maxima] = [[[float(one), *NOTHING[1:]]] for one in range(1, 9)]
    accounts.append([[9.0, *NOTHING[1:]], [20.0, 5.0, 0.0, 0.0, 0.0]])
    return Scale.of(accounts)


def test_standings_by_hand() -> None:
    scale = nine()
    assert [len(scale.reached[band][0]) for band in range(BANDS)] == [9, 1] + [0] * (BANDS - 2)
    assert scale.standing([NOTHING]) == UNTOLD
    # 4 is reached by six of nine: p = 7 / 10. 100 by none: 1 / 10.
    assert scale.standing([[4.0, *NOTHING[1:]]]).value == pytest.approx(-math.log(0.7))
    assert scale.standing([[100.0, *NOTHING[1:]]]).value == pytest.approx(-math.log(0.1))
    # In the second band one of one reached 5 of the second cue: p = 1; the first band says more.
    found = scale.standing([[8.0, *NOTHING[1:]], [8.0, 5.0, 0.0, 0.0, 0.0]])
    assert (found.cue, found.band) == ("reasoning", 0) and found.value == pytest.approx(-math.log(0.3))
    # 6 of it none: p = 1 / 2.
    found = scale.standing([[1.0, *NOTHING[1:]], [1.0, 6.0, 0.0, 0.0, 0.0]])
    assert (found.cue, found.band) == ("verdict", 1) and found.value == pytest.approx(-math.log(0.5))


def test_a_member_is_one_of_those_that_it_is_ranked_among() -> None:
    # 8 is reached by two of nine, itself one of them: 2 / 10. A new account: 3 / 10.
    assert nine().standing([[8.0, *NOTHING[1:]]], member=True).value == pytest.approx(-math.log(0.2))
    assert nine().standing([[8.0, *NOTHING[1:]]]).value == pytest.approx(-math.log(0.3))


def test_a_standing_only_grows() -> None:
    rng = np.random.default_rng(5)
    scale = Scale.of([life(rng)[-1] for _ in range(200)])
    for _ in range(100):
        values = [scale.standing(maxima).value for maxima in life(rng)]
        assert values == sorted(values)
