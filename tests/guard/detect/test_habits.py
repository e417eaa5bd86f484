"""What is told of an account beside what is weighed, by hand."""

import pytest

from stillhouse.guard.detect.habits import Habits
from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.features.concentration import Task
from stillhouse.guard.features.sampling import Oddity
from stillhouse.guard.features.tokens import Kind, token
from tests.guard.detection import row

OPENING = token(Kind.OPENING, 1)


def test_facts_by_hand() -> None:
    habits = Habits()
    assert habits.facts() == {}
    origin = (token(Kind.ADDRESS, 3), token(Kind.NETWORK, 4))
    ways = [
        Manner("pro", 11, 0, False, Task.CODE, Oddity.SEED),
        Manner("pro", 12, 11, True, Task.CODE),
        Manner("pro", 13, 77, True, Task.MATHS),
        Manner("pro", 0, 12, False, Task.CODE),
    ]
    for number, manner in enumerate(ways):
        wording = (OPENING,) if number < 3 else ()
        habits.add(row(str(number), number, "a", origin=origin, wording=wording, manner=manner))
    # The other half tells answers only.
    habits.add(row("5", 5, "a", evidence=False, wording=(OPENING,), manner=Manner("pro", 14)))
    habits.add(row("6", 6, "a", origin=origin, wording=(OPENING,), manner=Manner("pro", 0, 14, False, Task.CODE)))
    facts = habits.facts()
    assert facts["requests"] == 5 and facts["work_code"] == 0.8
    assert facts["outside_conversations"] == 0.2 and facts["in_one_wording"] == 0.8 and facts["sets_seed"] == 0.2
    # Of four that go on three do so with an answer of its own, one of those from the cache.
    assert facts["goes_on_elsewhere"] == 0.25 and facts["goes_on_from_cache"] == pytest.approx(1 / 3)
    assert facts["addresses"] == facts["networks"] == facts["clients"] == pytest.approx(1.0, abs=0.01)


def test_what_a_log_lacks_is_left_out() -> None:
    habits = Habits()
    for number in range(3):
        habits.add(row(str(number), number, "a", manner=Manner(carried=5)))
    assert habits.facts().keys() == {
        "requests", "outside_conversations", "in_one_wording", "wordings_at_most", "work_talk", "clients",
    }  # fmt: skip
