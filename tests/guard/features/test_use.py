"""Use beside that of a plan, by hand."""

import numpy as np

from stillhouse.guard.features.use import ratio


def test_ratios_by_hand() -> None:
    assert ratio(300, np.array([10.0, 20.0, 90.0])) == 15.0
    assert ratio(30, np.array([10.0, 20.0])) == 2.0
    assert ratio(30, np.zeros(0)) is None
