"""The measure of persistence, against cases worked by hand."""

import pytest

from stillhouse.range.people.persistence import persistence
from stillhouse.range.people.sample import Openings
from stillhouse.types import Exchange


def test_people_with_words_of_their_own_are_as_alike_as_can_be() -> None:
    found = persistence({"a": ["tea milk", "milk tea"], "b": ["iron ore", "ore iron"]})
    assert found.same == pytest.approx(1.0) and found.different == pytest.approx(0.0, abs=1e-12)
    assert found.difference == pytest.approx(1.0) and found.people == 2


def test_words_dealt_at_random_to_people_show_nothing() -> None:
    found = persistence({"a": ["tea milk", "iron ore"], "b": ["milk tea", "ore iron"]})
    # Same person: 0. Two people: two of four pairs are equal.
    assert found.same == pytest.approx(0.0) and found.different == pytest.approx(0.5)


def test_everybody_counts_the_same_however_much_he_writes() -> None:
    texts = {"a": ["tea"] * 8, "b": ["iron", "ore"], "c": ["salt"]}
    found = persistence(texts)
    assert found.same == pytest.approx(0.5) and found.people == 2


def exchange(account: str, text: str, *earlier: str) -> Exchange:
    turns = [{"role": "user", "content": each} for each in (*earlier, text)]
    return Exchange(id="e", time="t", account=account, model="m", api="messages", request={"messages": turns})


def test_openings_are_taken_from_the_people_asked_for_and_only_once_each() -> None:
    openings = Openings(["a"])
    for text in ("tea", "tea", "milk"):
        openings.see(exchange("a", text))
    openings.see(exchange("a", "iron", "tea"))
    openings.see(exchange("b", "ore"))
    assert openings._texts == {"a": ["tea", "milk"]}
    assert openings.persistence() is None  # too few people for a figure


def test_a_figure_needs_ten_people() -> None:
    openings = Openings(f"p{number}" for number in range(12))
    for number in range(12):
        for text in (f"word{number} one", f"word{number} two"):
            openings.see(exchange(f"p{number}", text))
    found = openings.persistence()
    assert found is not None and found.people == 12 and found.difference > 0.3
