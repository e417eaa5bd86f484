"""The lines of an account by itself, by hand."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.conduct import Conduct
from stillhouse.guard.evidence.own import OWN_LINES, log_e_of_own, own_lines, own_values
from stillhouse.guard.evidence.placing import Places
from stillhouse.guard.evidence.standing import Standing
from stillhouse.stats.evalue import log_e_of_rank


def test_the_lines_are_averaged_by_their_weights() -> None:
    values = own_values(Standing(4.0, "tasks", 2), Conduct(2.5))
    assert values == {"purpose": 4.0, "conduct": 2.5, "both": 6.5}
    places = {name: Places.of(np.arange(9.0)) for name in OWN_LINES}
    lines = own_lines(values, places)
    # 4.0 is reached by five of nine, 2.5 by six, 6.5 by two.
    assert [line.placed.rank for line in lines] == [6, 7, 3]
    expected = sum(
        weight * math.exp(log_e_of_rank(rank, 9)) for weight, rank in zip((0.2, 0.3, 0.5), (6, 7, 3), strict=True)
    )
    assert log_e_of_own(lines) == pytest.approx(math.log(expected))
    assert sum(line.weight for line in lines) == pytest.approx(1.0)
