"""Agreement of a rule with labels: Cohen's own kind of table by hand, and groups that are drawn together."""

import pytest

from stillhouse.errors import ConfigError
from stillhouse.stats import label_agreement

LABELS = [True] * 25 + [False] * 25
FOUND = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15


def test_by_hand() -> None:
    """35 of 50 agree; chance is 0.5 * 0.6 + 0.5 * 0.4 = 0.5, so kappa is 0.4."""
    found = label_agreement(LABELS, FOUND, range(50))
    assert found["accuracy"].value == pytest.approx(0.7)
    assert found["kappa"].value == pytest.approx(0.4)
    assert found["precision"].value == pytest.approx(2 / 3)
    assert found["recall"].value == pytest.approx(0.8)
    assert all(m.n == 50 and m.low < m.value < m.high for m in found.values())


def test_answers_to_one_question_are_drawn_together() -> None:
    """Each question five times adds nothing: the interval is as wide as with each once."""
    once = label_agreement(LABELS, FOUND, range(50))["kappa"]
    five = label_agreement(LABELS * 5, FOUND * 5, [*range(50)] * 5)["kappa"]
    assert five.n == 50 and five.value == pytest.approx(once.value)
    assert five.high - five.low == pytest.approx(once.high - once.low)


def test_perfect_agreement_and_the_opposite() -> None:
    assert label_agreement(LABELS, LABELS, range(50))["kappa"].low == 1
    assert label_agreement(LABELS, [not label for label in LABELS], range(50))["kappa"].value == -1


@pytest.mark.parametrize(("labels", "found"), [([False, False], [True, False]), ([True, False], [False, False])])
def test_measures_without_a_value_are_refused(labels: list[bool], found: list[bool]) -> None:
    with pytest.raises(ConfigError, match="at least one answer that is labelled true and one that the rule finds"):
        label_agreement(labels, found, range(2))
