"""Surprises of a day by hand."""

import math

import pytest

from stillhouse.guard.evidence.conduct import ORDINARY, ConductScale
from stillhouse.guard.features.cadence import Closing


def day(requests: int, spread: float, regularity: float) -> Closing:
    return Closing(requests, spread, regularity)


def scale() -> ConductScale:
    """Four honest accounts, three of them of plan `pro`, and one that never had a closing."""
    return ConductScale.of(
        [
            ("pro", [day(32, 2.0, -0.5), day(40, 1.0, 0.0)]),
            ("pro", [day(64, 3.0, -0.2)]),
            ("team", [day(1000, 20.0, 0.9)]),
            ("pro", [day(100, 4.0, -0.4)]),
            ("free", []),
        ]
    )


def test_the_largest_numbers_of_each_account_make_the_scale() -> None:
    found = scale()
    assert found.spread.tolist() == [2, 3, 4, 20] and found.regularity.tolist() == [-0.4, -0.2, 0.0, 0.9]
    assert {plan: use.tolist() for plan, use in found.use.items()} == {"pro": [40, 64, 100], "team": [1000]}


def test_surprises_add_up_by_hand() -> None:
    """A spread of 4 is reached by two of four: 3 / 5. A regularity of 0.5 by one: 2 / 5. 200 requests by none of three
    of the plan: 1 / 4, and 200 is 3.125 times the plan's median of 64."""
    found = scale().largest("pro", [day(32, 1.0, -1.0), day(200, 4.0, 0.5)])
    assert [part.surprise for part in found.parts] == pytest.approx([-math.log(0.6), -math.log(0.4), -math.log(0.25)])
    assert found.value == pytest.approx(-math.log(0.06)) and found.usual == pytest.approx(3.125)
    assert [(part.name, part.number, part.honest) for part in found.parts] == [
        ("spread", 4.0, 4),
        ("regularity", 0.5, 4),
        ("use", 200.0, 3),
    ]


def test_a_plan_that_no_honest_account_had_says_nothing_about_use() -> None:
    found = scale().largest("gold", [day(10_000, 24.0, 1.0)])
    assert found.usual is None and found.value == pytest.approx(-2 * math.log(0.2))
    assert found.parts[2].surprise == 0.0 and found.parts[2].honest == 0


def test_a_member_is_counted_once() -> None:
    # Its own day is reached by itself alone, in each part: 1 / 5, 1 / 5 and 1 / 2.
    assert scale().largest("team", [day(1000, 20.0, 0.9)], member=True).value == pytest.approx(-math.log(0.02))
    assert scale().largest("team", [day(1000, 20.0, 0.9)]).value == pytest.approx(-2 * math.log(0.4))


def test_without_a_closing_there_is_no_conduct() -> None:
    assert scale().largest("pro", []) == ORDINARY
    assert ConductScale.of([]).largest("pro", [day(99, 9.0, 0.0)]) == ORDINARY
