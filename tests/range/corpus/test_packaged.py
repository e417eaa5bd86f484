"""The text that comes with packages: something of every kind, with where it is from and on what terms."""

import importlib.util

import pytest

from stillhouse.errors import ConfigError
from stillhouse.range.corpus import Corpus, packaged_corpus


def test_there_is_something_of_every_kind(packaged: Corpus) -> None:
    assert len(packaged.conversations) > 4000 and len(packaged.instructions) == 500
    assert len(packaged.suites) == 14 and all(len(items) >= 60 for items in packaged.suites)
    assert len(packaged.documents) > 300 and len(packaged.code_tasks) == 240 and len(packaged.roles) >= 20
    assert len(packaged.agentic) == 240 and packaged.gaps == {}


def test_every_kind_says_its_source_and_every_source_its_licence(packaged: Corpus) -> None:
    assert set(packaged.sources) == {
        "agentic", "benchmarks", "code_tasks", "conversations", "documents", "gaps", "instructions", "roles",
    }  # fmt: skip
    assert packaged.licences == {
        "Python standard library": "PSF-2.0",
        "chitchat-dataset": "MIT",
        "reasoning-gym": "Apache-2.0",
        "stillhouse": "Apache-2.0",
    }


def test_texts_are_capped(packaged: Corpus) -> None:
    turns = [turn for talk in packaged.conversations for turn in talk.turns]
    assert max(len(said) for said, _ in turns) <= 1500 and max(len(reply) for _, reply in turns) <= 400
    assert all(said for said, _ in turns) and max(map(len, packaged.documents)) <= 1200


def test_only_the_kinds_that_are_wanted_are_made() -> None:
    corpus = packaged_corpus({"roles", "gaps"})
    assert corpus.roles and not corpus.conversations and set(corpus.sources) == {"roles", "gaps"}
    assert corpus.licences == {"stillhouse": "Apache-2.0"}


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="chitchat-dataset, which is not installed; install it with: pip install"):
        packaged_corpus({"conversations"})
