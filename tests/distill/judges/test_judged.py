"""Stored judgements read back: comparisons put together again, copies counted once, right and wrong where known."""

import asyncio

import pytest

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.judged import Judged
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.settings import RankingSettings
from tests.distill.judges.readers import Reader, longest, prompt


def test_replies_are_what_was_said() -> None:
    answers = ["dddd", "a", "ccc", "a"]
    settings = RankingSettings(repeats=2)
    said = asyncio.run(RankingJudge(settings, Reader(longest)).judge(prompt(), answers, seed=0))
    group = Judged.of(prompt(), answers, said)
    assert group.distinct == [0, 1, 2] and group.lengths == (4, 1, 3, 1) and group.right is None
    assert group.scores == pytest.approx({0: 1, 1: 1 / 6, 2: 2 / 3}), "of three others, a copy one half"
    assert len(group.replies) == 4
    for (repeat, order), values in group.replies.items():
        assert repeat in (0, 1)
        assert [{0: 1, 1: 0, 2: 0.5}[i] for i in order] == list(values)
    assert len(list(group.in_both_orders(3))) == 2 and not list(group.in_both_orders(2))
    assert group.asked == [[1] * 4, [0] * 4, [0.5] * 4]


def test_right_and_wrong_where_a_rule_can_tell() -> None:
    task = prompt(answer="4", task="exact")
    group = Judged.of(task, ["It is 4.", "It is 5."], [Judgement(score=1), Judgement(score=None)])
    assert group.right == (True, False) and group.scores == {0: 1}


def test_what_was_not_read_is_not_there() -> None:
    asked = [
        {"repeat": 0, "order": [0, 1], "position": 0, "value": 1.0},
        {"repeat": 0, "order": [1, 0], "position": 1, "missing": "why", "said": ""},
    ]
    other = [
        {"repeat": 0, "order": [0, 1], "position": 1, "value": 0.0},
        {"repeat": 0, "order": [1, 0], "position": 0, "missing": "why", "said": ""},
    ]
    lost = [Judgement(score=None, detail={"asked": one, "missing": "why", "said": ""}) for one in (asked, other)]
    group = Judged(judgements=tuple(lost), lengths=(1, 2))
    assert dict(group.replies) == {(0, (0, 1)): (1.0, 0.0)} and not list(group.in_both_orders(2))
    assert group.scores == {} and group.asked == [[1.0], [0.0]]
