"""One small corpus and one world for all tests of the range."""

import pytest

from stillhouse.range.corpus import Corpus, packaged_corpus
from stillhouse.range.world import World
from tests.range.small import small_corpus, world_on


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return small_corpus()


@pytest.fixture(scope="session")
def world(corpus: Corpus) -> World:
    return world_on(corpus)


@pytest.fixture(scope="session")
def packaged() -> Corpus:
    return packaged_corpus()
