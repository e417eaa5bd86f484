"""Kinds of work by their first telling word."""

import pytest

from stillhouse.guard.features.concentration import TASKS, Task, concentration, task
from stillhouse.guard.features.words import words_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write a Python function that sorts a list", Task.CODE),
        ("Solve for x, then write a poem about it", Task.MATHS),
        ("Translate this letter into German", Task.LANGUAGE),
        ("How are you today?", Task.TALK),
        ("", Task.TALK),
    ],
)
def test_a_request_is_of_the_kind_of_its_first_telling_word(text: str, kind: Task) -> None:
    assert task(words_of(text), False) is kind


def test_whoever_offers_tools_works_with_tools() -> None:
    assert task(words_of("translate this"), True) is Task.TOOLS


def test_the_commonest_kind_by_hand() -> None:
    counts = [0] * len(TASKS)
    assert concentration(counts) == (Task.TALK, 0.0)
    counts[Task.CODE], counts[Task.TALK] = 3, 1
    assert concentration(counts) == (Task.CODE, 0.75)
    counts[Task.TALK] = 3
    assert concentration(counts) == (Task.TALK, 0.5)
