"""The page on the range has every key, every kind and every file."""

from pathlib import Path
from typing import get_args

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
