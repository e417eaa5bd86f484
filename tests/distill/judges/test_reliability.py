"""Measures of a judge find what was planted in one, and find nothing where nothing was."""

import asyncio
import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.judged import Judged
from stillhouse.distill.judges.registry import judge
from stillhouse.distill.judges.reliability import (
    Measured,
    check_agreement,
    length_bias,
    length_of_right,
    list_positions,
    missing_judgements,
    position_bias,
    reliability,
    self_agreement,
)
from stillhouse.distill.judges.settings import Criterion, JudgeSettings, RankingSettings, RubricSettings
from stillhouse.stats import Interval, PositionEffect
from tests.distill.judges.readers import (
    Reader,
    Worth,
    at_random,
    first,
    first_mostly,
    longest,
    prompt,
    says_right,
)

PAIRS, LIST = RankingSettings(compare="pairs"), RankingSettings()
RUBRIC = RubricSettings(criteria=(Criterion(name="good", description="It is good."),), temperature=1.0, repeats=2)


def judged(settings: JudgeSettings, worth: Worth, answers: Sequence[str], prompts: int, seed: int = 0) -> list[Judged]:
    """The same answers to many prompts, judged by a reader with this preference."""

    async def all_of_them() -> list[Judged]:
        asked, groups = judge(settings, Reader(worth)), []
        for i in range(prompts):
            about = prompt(f"Question {i}?", answer="4", task="exact")
            groups.append(Judged.of(about, answers, await asked.judge(about, answers, seed=seed)))
        return groups

    return asyncio.run(all_of_them())


def scored(scores: Sequence[float | None], lengths: Sequence[int], right: Sequence[bool] | None = None) -> Judged:
    known = None if right is None else tuple(right)
    return Judged(judgements=tuple(Judgement(score=s) for s in scores), lengths=tuple(lengths), right=known)


def interval(measured: Measured) -> Interval:
    assert isinstance(measured.value, Interval), measured.why
    return measured.value


def effect(measured: Measured) -> PositionEffect:
    assert isinstance(measured.value, PositionEffect), measured.why
    return measured.value


def test_a_planted_position_bias_is_recovered() -> None:
    """Prefers the first with probability 0.8 whatever it says: 0.3 above one half."""
    bias = interval(position_bias(judged(PAIRS, first_mostly(0.8), ["a", "b"], prompts=150)))
    assert bias.low < 0.3 < bias.high and bias.high - bias.low < 0.12 and bias.low > 0.2 and bias.n == 150


def test_always_the_first_and_never_the_first() -> None:
    assert interval(position_bias(judged(PAIRS, first, ["a", "b"], 30))).value == 0.5
    assert interval(position_bias(judged(PAIRS, lambda text, at, chance: at, ["a", "b"], 30))).value == -0.5


def test_a_judge_of_texts_has_no_position_bias() -> None:
    bias = interval(position_bias(judged(PAIRS, longest, ["a", "bbb", "cc"], 20)))
    assert bias.value == 0


def test_an_unbiased_judge_is_covered_at_the_nominal_rate() -> None:
    sets, hits = 150, 0
    for seed in range(sets):
        bias = interval(position_bias(judged(PAIRS, at_random, ["a", "b"], prompts=25, seed=seed)))
        hits += bias.low <= 0 <= bias.high
    assert abs(hits / sets - 0.95) < 3 * math.sqrt(0.95 * 0.05 / sets) + 0.01


def test_places_of_a_list() -> None:
    """Always ranked as shown: mean places 1, 2, 3. Ranked by text: all 2, because every order has its reverse."""
    found = effect(list_positions(judged(LIST, first, ["a", "b", "c"], 15), permutations=199, seed=0))
    assert found.means == (1, 2, 3) and found.p_value == 1 / 200 and (found.n, found.lists) == (15, 30)
    fair = effect(list_positions(judged(LIST, longest, ["a", "bb", "ccc"], 15), permutations=199, seed=0))
    assert fair.means == (2, 2, 2) and fair.p_value == 1


def test_a_planted_length_bias_is_recovered_and_a_fair_judge_has_none() -> None:
    rng = np.random.default_rng(0)

    def groups(weight: float) -> list[Judged]:
        lengths = rng.integers(10, 200, size=(120, 4))
        scores = weight * (lengths - 100) / 55 + rng.normal(size=(120, 4)) + rng.normal(size=(120, 1))
        return [scored(s, n) for s, n in zip(scores.tolist(), lengths.tolist(), strict=True)]

    biased = interval(length_bias(groups(1.0), resamples=400, seed=0))
    assert 0.4 < biased.low < biased.value < biased.high < 0.75
    fair = interval(length_bias(groups(0.0), resamples=400, seed=0))
    assert fair.low < 0 < fair.high and fair.high - fair.low < 0.3
    assert interval(length_bias(judged(PAIRS, longest, ["a", "bbb", "cc"], 5), resamples=100, seed=0)).value == 1


def test_length_bias_is_set_beside_what_is_deserved() -> None:
    """Right answers are longer in 3 prompts of 4 and so are better scores: 1/2 for both."""
    groups = [scored([1, 0], [9, 5], [True, False])] * 6 + [scored([1, 0], [5, 9], [True, False])] * 2
    assert interval(length_bias(groups, resamples=100, seed=0)).value == pytest.approx(0.5)
    assert interval(length_of_right(groups, resamples=100, seed=0)).value == pytest.approx(0.5)
    assert "can be checked" in length_of_right([scored([1, 0], [9, 5])] * 3, resamples=100, seed=0).why


def test_self_agreement_of_pairs() -> None:
    """Texts: always the same decision. Always the first: never the same. Mostly the first (0.8): 2 x 0.8 x 0.2."""
    measured = self_agreement(judged(PAIRS, longest, ["a", "bb"], 10), resamples=100, seed=0)
    assert interval(measured).value == 1 and "pair" in measured.meaning
    assert interval(self_agreement(judged(PAIRS, first, ["a", "b"], 10), resamples=100, seed=0)).value == 0
    mostly = interval(self_agreement(judged(PAIRS, first_mostly(0.8), ["a", "b"], 200), resamples=100, seed=0))
    assert mostly.low < 0.32 < mostly.high
    again = RankingSettings(repeats=2)
    twice = interval(self_agreement(judged(again, first, ["a", "b"], 10), resamples=100, seed=0))
    assert twice.value == pytest.approx(1 / 3)  # of 6 pairs of 4 askings, those with the same order: 2


def test_self_agreement_of_scores_and_lists_is_alpha() -> None:
    perfect = self_agreement(judged(RUBRIC, says_right, ["right", "wrong"], 10), resamples=100, seed=0)
    assert interval(perfect).value == 1 and "alpha" in perfect.meaning
    noise = self_agreement(
        judged(RUBRIC, lambda text, at, chance: chance, [f"{i}" for i in range(4)], 60), resamples=200, seed=0
    )
    # The seed is that of the repeat, the same for all answers to a prompt; between repeats it is chance.
    assert interval(noise).value < 0.3
    assert interval(self_agreement(judged(LIST, longest, ["a", "bb", "ccc"], 9), resamples=100, seed=0)).value == 1
    # Every order has its reverse, so who ranks by place contradicts himself: below chance.
    assert interval(self_agreement(judged(LIST, first, ["a", "b", "c"], 9), resamples=100, seed=0)).value < -0.3


def test_agreement_with_checks_by_hand() -> None:
    """Right 0.8 and 0.5 against wrong 0.5 and 0.2: wins 1, 1, 1/2, 1 of 4, 7/8. A second prompt has 0 of 1."""
    one = scored([0.8, 0.5, 0.5, 0.2], [1, 2, 3, 4], [True, True, False, False])
    other = scored([0.1, 0.9, None], [1, 2, 3], [True, False, True])
    assert interval(check_agreement([one, other])).value == (7 / 8 + 0) / 2
    assert "both a right and a wrong answer" in check_agreement([scored([1, 0], [1, 2], [True, True])] * 3).why
    assert "that can be checked" in check_agreement([scored([1, 0], [1, 2])] * 3).why


def test_a_judge_that_knows_agrees_with_checks_and_a_coin_does_not() -> None:
    answers = ["It is 4.", "It is 5."]
    knows = interval(check_agreement(judged(PAIRS, lambda text, at, chance: "4" in text, answers, 40)))
    assert knows.value == 1 and knows.low > 0.9
    coin = interval(check_agreement(judged(PAIRS, at_random, answers, 40)))
    assert coin.low < 0.5 < coin.high


def test_missing_ones_are_counted_and_left_out() -> None:
    groups = [scored([1, None], [3, 4]), scored([None, None], [3, 4]), scored([0.5, 1], [4, 3])]
    assert interval(missing_judgements(groups)).value == 0.5
    assert interval(length_bias([*groups, groups[2]], resamples=100, seed=0)).n == 2


def test_all_of_them_say_a_value_or_why_not_as_json() -> None:
    measured = reliability(judged(RUBRIC, says_right, ["right 4", "wrong 5"], 6), resamples=100)
    values = json.loads(json.dumps([one.as_dict() for one in measured]))
    by_name = {one["name"]: one for one in values}
    assert by_name["position bias"] == {"name": "position bias", "why": "no pair was read in both orders"}
    assert by_name["list positions"]["why"] == "no list of 3 answers or more was read"
    assert by_name["agreement with checks"]["value"] == 1 and by_name["missing"]["value"] == 0
    assert by_name["self-agreement"]["value"] == 1
    once = RubricSettings(criteria=RUBRIC.criteria)
    assert "set repeats to 2" in self_agreement(judged(once, says_right, ["a", "b"], 3), resamples=100, seed=0).why
    assert [one.why for one in reliability([], resamples=100)].count("") == 0
