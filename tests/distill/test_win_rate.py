"""Win rates of planted judges, and of answers that leave nothing to judge."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.settings import RankingSettings
from stillhouse.distill.win_rate import WinRate, judged_win_rate
from stillhouse.errors import ConfigError, EndpointError
from stillhouse.stats import Interval
from stillhouse.types import Completion, Message, Sampling
from tests.distill.judges.readers import Reader, Scripted, at_random, first, longest, prompt, says_right


def compared(
    model: Reader | Scripted, before: Sequence[str], after: Sequence[str], repeats: int = 1, seed: int = 0
) -> WinRate:
    judge = RankingJudge(RankingSettings(repeats=repeats), model)
    prompts = [prompt(f"Question {i}?") for i in range(len(before))]
    return asyncio.run(judged_win_rate(judge, prompts, before, after, seed=seed))


def test_counts_by_hand() -> None:
    """By length: 3 wins, 1 loss, 2 that are equally long, 1 identical: (3 + 3/2) / 7."""
    model = Reader(longest)
    rate = compared(model, ["a", "a", "a", "bbb", "ab", "cd", "same"], ["bb", "bb", "cc", "a", "ba", "dc", "same"])
    assert (rate.wins, rate.ties, rate.losses, rate.identical, rate.missing) == (3, 3, 1, 1, 0)
    assert rate.rate.value == pytest.approx(4.5 / 7) and rate.rate.n == 7
    assert len(model.asked) == 2 * 6
    assert isinstance(rate.position_bias.value, Interval) and rate.position_bias.value.value == 0
    assert json.loads(json.dumps(rate.as_dict()))["wins"] == 3
    assert len(rate.judged) == 7


def test_a_judge_of_places_makes_no_winner() -> None:
    rate = compared(Reader(first), ["a"] * 20, ["b"] * 20)
    assert (rate.wins, rate.ties, rate.losses) == (0, 20, 0) and rate.rate.value == 0.5
    assert isinstance(rate.position_bias.value, Interval) and rate.position_bias.value.value == 0.5
    assert isinstance(rate.self_agreement.value, Interval) and rate.self_agreement.value.value == 0


def test_better_answers_are_shown_to_win_and_a_coin_shows_nothing() -> None:
    better = compared(Reader(says_right), ["wrong"] * 30 + ["right"] * 10, ["right"] * 30 + ["wrong"] * 10)
    assert better.rate.low > 0.5 and (better.wins, better.losses) == (30, 10)
    coin = compared(Reader(at_random), ["a"] * 60, ["b"] * 60, repeats=2)
    assert coin.rate.low < 0.5 < coin.rate.high


def test_swapping_the_sides_mirrors_the_rate() -> None:
    before, after = ["a", "bb", "c", "dd"], ["aa", "b", "cc", "dd"]
    one, other = compared(Reader(longest), before, after), compared(Reader(longest), after, before)
    assert one.rate.value == 1 - other.rate.value and (one.wins, one.losses) == (other.losses, other.wins)


class BlindTo:
    """Judges by length, and writes prose where it sees this text."""

    name = "blind"

    def __init__(self, text: str) -> None:
        self.text, self.reader = text, Reader(longest)

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        if self.text in messages[0].content:
            return [Completion(text="Both are fine.")] * n
        return await self.reader.sample(messages, sampling, n)


def test_what_cannot_be_read_is_counted_and_left_out() -> None:
    judge = RankingJudge(RankingSettings(), BlindTo("zz"))
    prompts = [prompt(f"Question {i}?") for i in range(3)]
    rate = asyncio.run(judged_win_rate(judge, prompts, ["a", "a", "a"], ["bb", "zz", "cc"], seed=0))
    assert (rate.wins, rate.missing, rate.rate.n) == (2, 1, 2)


def test_a_judge_of_prose_is_an_error() -> None:
    with pytest.raises(EndpointError, match="for 4 of 4 answers; the first: no JSON object in it, in 'Both"):
        compared(Scripted("Both are fine."), ["a"] * 4, ["b"] * 4)


def test_nothing_to_compare_is_refused_and_only_identical_ones_are_a_tie() -> None:
    with pytest.raises(ConfigError, match="at least 1 prompt, got 0"):
        compared(Reader(longest), [], [])
    same = compared(Scripted("never asked"), ["a"] * 5, ["a"] * 5)
    assert (same.ties, same.identical, same.rate.value) == (5, 5, 0.5)
    assert same.position_bias.why == "no pair was read in both orders"
