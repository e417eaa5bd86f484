"""The recursion by hand, what it forgets, and what it leaves alone."""

import math
from collections.abc import Sequence

import pytest

from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.features.cues import CUES, Cue

RATES = (0.01, 0.02, 0.2, 0.001, 0.05)


def after(purpose: Purpose, masks: Sequence[int]) -> tuple[list[float], list[float]]:
    running, best = Purpose.start(), Purpose.start()
    for mask in masks:
        purpose.update(running, best, mask)
    return running, best


def test_three_requests_by_hand() -> None:
    """At a rate of 0.01 a cue makes it 0.05 / 0.01 = 5 times as likely, its absence 0.95 / 0.99 times."""
    running, best = after(Purpose(RATES), [Cue.REASONING, 0, Cue.REASONING])
    # 5; (1 + 5) * 95 / 99 = 5.757576; 6.757576 * 5 = 33.787879
    assert running[0] == pytest.approx(33.787879, abs=1e-6) and best[0] == running[0]
    # The second cue never came: 0.95 / 0.98 three times. Its best is of the requests that show it: none.
    hidden = 0.95 / 0.98
    assert running[1] == pytest.approx(hidden + hidden**2 + hidden**3)
    running, best = after(Purpose(RATES), [Cue.REASONING, 0, 0])
    assert running[0] == pytest.approx((1 + 6 * 95 / 99) * 95 / 99) and running[0] > 5


def test_each_cue_runs_by_itself() -> None:
    both, _ = after(Purpose(RATES), [Cue.REASONING | Cue.DISTRIBUTION, Cue.DISTRIBUTION])
    first, _ = after(Purpose(RATES), [Cue.REASONING, 0])
    fourth, _ = after(Purpose(RATES), [Cue.DISTRIBUTION, Cue.DISTRIBUTION])
    assert both[0] == first[0] and both[3] == fourth[3] == pytest.approx((1 + 50) * 50)


def test_a_cue_that_is_frequent_among_honest_requests_says_nothing() -> None:
    every = sum(CUES)
    for masks in ([every] * 200, [0] * 200, [every, 0] * 100):
        running, best = after(Purpose(RATES), masks)
        assert running[2] == best[2] == 0.0 and running[4] == best[4] == 0.0


def test_who_never_showed_a_cue_has_no_score_for_it() -> None:
    _, best = after(Purpose((0.04, 0.01, 0.0001, 0.01, 0.01)), [0] * 5000)
    assert best == [0.0] * len(CUES)


@pytest.mark.parametrize("past", [0, 10, 1_000, 20_000])
def test_an_honest_past_is_forgotten(past: int) -> None:
    """Requests that all show a cue: a million is reached after nine, and after a long honest past not later.

    R rests at 95 / 4 after such a past: a head start of less than two cues.
    """
    purpose = Purpose(RATES)
    running, best = after(purpose, [0] * past)
    assert running[0] < 95 / 4 + 1e-9
    needed = 0
    while best[0] < 1e6:
        purpose.update(running, best, Cue.REASONING)
        needed += 1
    assert needed == {0: 9, 10: 8}.get(past, 7)


def test_half_of_the_requests_is_enough_at_any_time() -> None:
    purpose = Purpose(RATES)
    fresh = after(purpose, [Cue.REASONING, 0] * 20)[1][0]
    late = after(purpose, [0] * 10_000 + [Cue.REASONING, 0] * 20)[1][0]
    assert fresh <= late < 30 * fresh


def test_a_score_stays_a_number() -> None:
    running, best = after(Purpose(RATES), [Cue.DISTRIBUTION] * 5000)
    assert running[3] == best[3] == 1e250 and math.isfinite(Purpose.score(best[3]))


def test_the_score_by_hand() -> None:
    assert Purpose.score(0.0) == 0.0
    assert Purpose.score(math.e - 1) == pytest.approx(math.log(2))
    assert Purpose.score(1e250) == pytest.approx(math.log(1 + 250 * math.log(10)))


@pytest.mark.parametrize("rates", [(0.1,) * 4, (0.1,) * 6, (0.0, 0.1, 0.1, 0.1, 0.1), (1.0, 0.1, 0.1, 0.1, 0.1)])
def test_rates_that_are_none_are_refused(rates: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="give one above 0 and below 1"):
        Purpose(rates)
