"""Critique first, score second, and the critique before the judge's eyes when it scores."""

import asyncio

from stillhouse.distill.judges.base import Judge
from stillhouse.distill.judges.critique import CritiqueJudge
from stillhouse.distill.judges.settings import CritiqueSettings, Scale
from tests.distill.judges.readers import Reader, Scripted, prompt, says_right

SETTINGS = CritiqueSettings(scale=Scale(lowest=0, highest=10), instructions="Mind the units.")


def test_critique_then_score_by_hand() -> None:
    model = Scripted("  The sum is right, the unit is missing. ", '{"score": 7}')
    judge: Judge = CritiqueJudge(SETTINGS, model)
    [said] = asyncio.run(judge.judge(prompt(), ["4"], seed=0))
    assert said.score == 0.7
    critique = "The sum is right, the unit is missing."
    assert said.detail["asked"] == [{"repeat": 0, "critique": critique, "value": 0.7, "score": 7}]
    (first, free), (second, formed) = model.asked
    assert free.schema is None and formed.schema is not None and free.seed == formed.seed
    assert "<answer>\n4\n</answer>" in first[0].content and "Mind the units." in first[0].content
    assert [turn.role for turn in second] == ["user", "assistant", "user"]
    assert second[0] == first[0] and second[1].content == critique
    assert '{"score": <whole number from 0 to 10>}' in second[2].content


def test_only_the_score_is_asked_for_again() -> None:
    model = Scripted("Fine.", "Seven.", '{"score": 7}')
    [said] = asyncio.run(CritiqueJudge(SETTINGS, model).judge(prompt(), ["4"], seed=0))
    assert said.score == 0.7 and len(model.asked) == 3
    assert model.asked[2][0][-1].content.startswith(model.asked[1][0][-1].content)


def test_missing_keeps_the_critique() -> None:
    [said] = asyncio.run(CritiqueJudge(SETTINGS, Scripted("Fine.", "Seven.")).judge(prompt(), ["4"], seed=0))
    assert said.score is None and said.detail["missing"] == "no JSON object in it"
    assert said.detail["asked"][0]["critique"] == "Fine."


def test_an_empty_critique_is_asked_for_again_and_then_missing() -> None:
    model = Scripted("", "  ")
    [said] = asyncio.run(CritiqueJudge(SETTINGS, model).judge(prompt(), ["4"], seed=0))
    assert said.score is None and said.detail["missing"] == "the critique is empty" and len(model.asked) == 2


def test_scores_follow_what_was_read() -> None:
    model = Reader(says_right)
    said = asyncio.run(CritiqueJudge(SETTINGS, model).judge(prompt(), ["wrong", "right", "wrong"], seed=0))
    assert [one.score for one in said] == [0, 1, 0] and len(model.asked) == 4
    templates = CritiqueJudge(SETTINGS, model).templates
    filled = templates["critique"].replace("$question", "What is 2 + 2?").replace("$answer", "wrong")
    assert {text for text, _ in model.asked} >= {filled, templates["score"]}
    assert CritiqueJudge(SETTINGS, model).name == "critique by reader"
