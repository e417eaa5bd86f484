"""Texts as unit vectors."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.detection_baselines.embedding import StaticEmbedding, WordsEmbedding, newest_turn, wordllama_folder
from stillhouse.errors import ConfigError
from tests.bench.detection_baselines.asking import ask


def test_the_newest_turn_at_most_4096_characters() -> None:
    assert newest_turn(ask("a", 0, "  what?\n")) == "what?"
    assert newest_turn(ask("a", 0, None)) == ""
    assert len(newest_turn(ask("a", 0, "word " * 5000))) <= 4097


def test_words_are_rows_of_unit_length_or_zero(words: WordsEmbedding) -> None:
    rows = words(["a red fox", "", "???", "the"])
    assert rows.shape == (4, 256) and rows.dtype == np.float32
    # `the` is in all three texts: ln(4 / 4) is no weight.
    assert np.linalg.norm(rows, axis=1).tolist() == pytest.approx([1, 0, 0, 0])
    assert words([]).shape == (0, 256)


def test_one_word_is_its_signs_and_two_are_their_sum(words: WordsEmbedding) -> None:
    red, fox, both = words(["red", "fox", "red fox"])
    assert set(np.abs(red).tolist()) == {1 / 16}
    # Both are in one of three texts and weigh the same.
    assert both == pytest.approx((red + fox) / np.linalg.norm(red + fox), abs=1e-6)


def test_the_same_signs_everywhere(words: WordsEmbedding) -> None:
    # Pinned: another generator, seed or hash of words would be another table of results.
    (red,) = words(["red"])
    assert "".join("+" if value > 0 else "-" for value in red[:24]) == "++-+-++++--++---+---+-+-"


def test_cosines_come_through_the_projection(words: WordsEmbedding) -> None:
    texts = [f"alpha{number} beta{number} common shared" for number in range(40)]
    rows = words(texts)
    cosines = (rows @ rows.T)[np.triu_indices(40, 1)]
    # Two of four words that weigh the same: 0.5; the projection's standard deviation is about 1 / 16 for each pair.
    assert float(cosines.mean()) == pytest.approx(0.5, abs=0.08)
    assert float(np.abs(cosines - 0.5).max()) < 0.35


def test_many_texts_are_what_each_is_alone(words: WordsEmbedding) -> None:
    texts = [f"word{number % 7} text{number} red" for number in range(600)]
    together = words(texts)
    assert together[[0, 255, 256, 599]] == pytest.approx(
        np.concatenate([words([texts[at]]) for at in (0, 255, 256, 599)]), abs=1e-6
    )


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> StaticEmbedding:
    """A folder as the package has it, with four words: red (3, 0), blue (0, 4), no (0, 0), and one without a vector."""
    folder = tmp_path_factory.mktemp("wordllama")
    (folder / "weights").mkdir()
    (folder / "tokenizers").mkdir()
    vectors = np.array([[3, 0], [0, 4], [0, 0]], np.float16)
    save_file({"embedding.weight": vectors}, folder / "weights/l2_supercat_256.safetensors")
    tokenizer = Tokenizer(models.WordLevel({"red": 0, "blue": 1, "no": 2, "beyond": 3}, unk_token="no"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizers/l2_supercat_tokenizer_config.json"))
    return StaticEmbedding.read(folder)


def test_static_is_the_mean_of_the_tokens_at_unit_length(static: StaticEmbedding) -> None:
    rows = static(["red", "red blue", "blue red red", "", "no", "beyond"])
    expected = [(1, 0), (0.6, 0.8), (6 / 52**0.5, 4 / 52**0.5), (0, 0), (0, 0), (0, 0)]
    assert rows == pytest.approx(np.array(expected), abs=1e-6)
    assert static([]).shape == (0, 2)
    assert static(["red"] * 600)[-1].tolist() == [1, 0]


def test_a_folder_without_the_files_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"l2_supercat_256.safetensors is missing; give the folder of wordllama=="):
        StaticEmbedding.read(tmp_path)


def test_a_python_without_the_package_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no python"):
        wordllama_folder(tmp_path / "python")
