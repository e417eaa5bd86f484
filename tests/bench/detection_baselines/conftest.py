"""The embedding that needs nothing but this package, with the rarity of words in three texts."""

import pytest

from bench.detection_baselines.embedding import WordsEmbedding


@pytest.fixture(scope="session")
def words() -> WordsEmbedding:
    return WordsEmbedding.learned(["the red fox", "the blue fish", "the tall tree"])
