"""The page on the range has every key, every kind and every file."""

import re
from pathlib import Path
from typing import get_args

import pytest

from stillhouse.range.campaigns.catalogue import strategies
from stillhouse.range.campaigns.settings import Objective
from stillhouse.range.corpus import Corpus
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import labels

PAGE = Path(__file__).parents[2] / "docs" / "range.md"


def test_every_kind_and_every_objective_has_a_row(corpus: Corpus) -> None:
    page = PAGE.read_text(encoding="utf-8")
    kinds = {label.kind for label in labels(Scenario(), corpus)} - {"person"}
    for name in (*kinds, *get_args(Objective)):
        assert f"| `{name}` |" in page, name


def test_the_sizes_that_are_said_to_have_names_have_them() -> None:
    told = re.search(r"`strategies` has (.+) by name, and not ([\d,]+)", PAGE.read_text(encoding="utf-8"))
    assert told is not None
    named, nameless = (
        [int(size.replace(",", "")) for size in re.findall(r"\d[\d,]*\d|\d", part)] for part in told.groups()
    )
    sizes = {round(16_000 / strategy.accounts, 1) for strategy in strategies(16_000).values()}
    assert named == [4, 270, 690, 1150] and nameless == [4300]
    assert all(any(one == pytest.approx(size, rel=0.01) for one in sizes) for size in named)
    assert not any(one == pytest.approx(4300, rel=0.1) for one in sizes)


def test_how_long_answers_get_and_when_people_ask_is_told_as_measured() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert "the corpus's own, cut at 400 characters" in page and "under 4,000 also where words are as long" in page
    assert "about 95 % of a person's sessions begin within six hours of a peak" in page
