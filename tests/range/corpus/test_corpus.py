"""Halves of a corpus: disjoint, whole users, and the same whatever else is there."""

from dataclasses import replace

import pytest

from stillhouse.errors import ConfigError
from stillhouse.range.corpus import Conversation, Corpus, load_corpus

KINDS = ("conversations", "instructions", "documents", "code_tasks", "roles", "agentic")


def test_halves_are_disjoint_and_together_everything(packaged: Corpus) -> None:
    one, two = packaged.half("a"), packaged.half("b")
    for kind in KINDS:
        everything, first, second = (set(map(repr, getattr(part, kind))) for part in (packaged, one, two))
        assert first | second == everything and not first & second, kind
        assert len(everything) < 100 or 0.4 < len(first) / len(everything) < 0.6, kind
    for name, items in packaged.benchmarks.items():
        assert sorted(one.benchmarks[name] + two.benchmarks[name]) == sorted(items)
    assert one.digest != two.digest != packaged.digest and one.gaps == two.gaps


def test_a_user_is_in_one_half_with_all_that_he_said(corpus: Corpus) -> None:
    talks = tuple(Conversation(f"t{n}", ((f"said {n}", ""),), f"user_{n % 30}") for n in range(300))
    mixed = replace(corpus, conversations=talks)
    one, two = mixed.half("a").conversations, mixed.half("b").conversations
    assert not {talk.user for talk in one} & {talk.user for talk in two} and len(one) + len(two) == 300
    # Another order and fewer files: the same sides.
    fewer = replace(mixed, conversations=talks[::-1][:100]).half("a").conversations
    assert set(fewer) == set(one) & set(talks[::-1][:100])


def test_there_are_two_halves_and_each_has_something(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="corpus half 'c': there are two, `a` and `b`; name one of them"):
        corpus.half("c")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"nothing of its roles .*falls into it; give more text"):
        replace(corpus, roles=("Only one.",)).half("a").half("b")


def test_the_digest_is_of_the_text(corpus: Corpus) -> None:
    assert corpus.digest.startswith("blake2b:") and corpus.digest == replace(corpus, sources={}).digest
    assert corpus.digest != replace(corpus, documents=("another",)).digest


def test_suites_are_long_enough_and_no_training_parts(corpus: Corpus) -> None:
    assert corpus.suites == [corpus.benchmarks["facts"], corpus.benchmarks["sums"]]
    assert replace(corpus, benchmarks={"short": corpus.benchmarks["sums"][:9]}).suites == []


def test_without_a_folder_the_text_is_that_of_packages(packaged: Corpus) -> None:
    assert load_corpus(None).digest == packaged.digest
