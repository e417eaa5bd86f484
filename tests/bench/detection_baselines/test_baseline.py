"""What all baselines share."""

from dataclasses import replace

import pytest

from bench.detection_baselines.baseline import Flag, flag_after, moment
from bench.detection_baselines.embedding import WordsEmbedding
from bench.detection_baselines.mmd import WINDOWS
from bench.detection_baselines.published import published
from stillhouse.errors import RecordError
from tests.bench.detection_baselines.asking import START, ask


def test_a_flag_names_the_exchange_it_follows_from() -> None:
    exchange = ask("a", 1500)
    assert flag_after(exchange, "x") == Flag("a", exchange.time, "a@1500", "x")
    assert flag_after(exchange, "x", "b") == Flag("b", exchange.time, "a@1500", "x")


def test_a_moment_is_in_milliseconds() -> None:
    assert moment(ask("a", 1500)) == START + 1500
    with pytest.raises(RecordError, match="exchange a@0: time 'soon' is no time"):
        moment(replace(ask("a", 0), time="soon"))


def test_each_row_has_a_name_of_its_own(words: WordsEmbedding) -> None:
    names = [baseline.name for baseline in published(words, WINDOWS)]
    assert len(set(names)) == len(names) == 14
    assert names[3:5] == ["PRADA, words", "MMD, windows of 100, words"]
    assert names[-1] == "MMD, windows of 1,500, words, published null"


def test_nothing_is_flagged_before_it_is_fitted(words: WordsEmbedding) -> None:
    for baseline in published(words, WINDOWS):
        if baseline.name.startswith(("rate limit, 60", "static")):
            assert list(baseline.flag([ask("a", 0)])) == []
        else:
            with pytest.raises(RuntimeError, match="fit comes before flag"):
                list(baseline.flag([ask("a", 0)]))
