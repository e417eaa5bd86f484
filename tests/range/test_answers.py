"""Answers where the corpus has none."""

from random import Random

from stillhouse.range.answers import answer_to

PROMPT = "Which varnish keeps an oaken rowing boat dry during winter?"


def test_an_answer_is_about_words_of_the_prompt() -> None:
    for seed in range(50):
        answer = answer_to(PROMPT, Random(seed))
        assert any(word in answer for word in ("Which", "varnish", "keeps", "oaken", "rowing", "during", "winter"))
        assert 20 < len(answer) < 400


def test_hardly_two_answers_are_the_same() -> None:
    assert len({answer_to(PROMPT, Random(seed)) for seed in range(300)}) > 280


def test_a_prompt_without_a_word_has_an_answer() -> None:
    assert answer_to("", Random(1)) and answer_to("? !", Random(2))


def test_long_prompts_give_short_answers() -> None:
    assert len(answer_to("extraordinarily " * 500, Random(3))) < 400


def test_words_are_not_cut_however_long_they_are() -> None:
    lengths = [len(answer_to("x" * 600, Random(seed))) for seed in range(300)]
    assert 3600 < max(lengths) < 4000
