"""The recursion by hand, what it forgets, and what it leaves alone."""

from array import array
from collections.abc import Sequence

import pytest

from stillhouse.guard.evidence.purpose import begun, update
from stillhouse.guard.features.cues import CUES, Cue

HIDDEN = 0.95 / 0.995


def after(masks: Sequence[int]) -> tuple["array[float]", "array[float]"]:
    running, best = begun(), begun()
    for mask in masks:
        update(running, best, mask)
    return running, best


def test_three_requests_by_hand() -> None:
    """A cue makes it 0.05 / 0.005 = 10 times as likely, its absence 0.95 / 0.995 times."""
    running, best = after([Cue.REASONING, 0, Cue.REASONING])
    # 10; 11 * 0.954774 = 10.502513; 11.502513 * 10 = 115.025126
    assert running[0] == pytest.approx(115.025126, abs=1e-6) and best[0] == running[0]
    # The second cue never came. Its best is of the requests that show it: none.
    assert running[1] == pytest.approx(HIDDEN + HIDDEN**2 + HIDDEN**3) and best[1] == 0.0


def test_each_cue_runs_by_itself() -> None:
    both, _ = after([Cue.REASONING | Cue.DISTRIBUTION, Cue.DISTRIBUTION])
    first, _ = after([Cue.REASONING, 0])
    fourth, _ = after([Cue.DISTRIBUTION, Cue.DISTRIBUTION])
    assert both[0] == first[0] and both[3] == fourth[3] == pytest.approx((1 + 10) * 10)


def test_who_never_showed_a_cue_has_no_score_for_it() -> None:
    _, best = after([0] * 5000)
    assert list(best) == [0.0] * len(CUES)


@pytest.mark.parametrize("past", [0, 10, 1_000, 20_000])
def test_an_honest_past_is_forgotten(past: int) -> None:
    """Requests that all show a cue: a million is reached after six, and after a long honest past not later.

    R rests below 0.954774 / (1 - 0.954774) = 21.1 after such a past: a head start of less than two cues.
    """
    running, best = after([0] * past)
    assert running[0] < 21.2
    needed = 0
    while best[0] < 1e6:
        update(running, best, Cue.REASONING)
        needed += 1
    assert needed == (6 if past <= 10 else 5)


def test_half_of_the_requests_is_enough_at_any_time() -> None:
    fresh = after([Cue.REASONING, 0] * 20)[1][0]
    late = after([0] * 10_000 + [Cue.REASONING, 0] * 20)[1][0]
    assert fresh <= late < 30 * fresh


def test_a_score_stays_a_number() -> None:
    running, best = after([Cue.DISTRIBUTION] * 5000)
    assert running[3] == best[3] == 1e250
