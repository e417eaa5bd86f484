"""What all formats share: why an answer ended, in one vocabulary."""

import pytest

from stillhouse.models.wire.base import finish


@pytest.mark.parametrize("word", ["stop", "eos", "eos_token", "stop_sequence", "end_turn"])
def test_words_for_an_answer_that_ended_by_itself(word: str) -> None:
    assert finish(word) == "stop"


@pytest.mark.parametrize("word", ["length", "max_tokens"])
def test_words_for_the_cap(word: str) -> None:
    assert finish(word) == "length"


@pytest.mark.parametrize("word", ["content_filter", "tool_calls", "refusal", "end"])
def test_other_words_stay(word: str) -> None:
    assert finish(word) == word


@pytest.mark.parametrize("silence", [None, "", 5, ["stop"]])
def test_silence_is_not_the_end(silence: object) -> None:
    assert finish(silence) == "unknown"
