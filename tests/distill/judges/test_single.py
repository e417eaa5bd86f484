"""What judges of single answers share: copies, means, and what is missing."""

import asyncio
from typing import Any

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.single import first_places, judge_each, judgement, spread


def test_copies_get_the_score_and_are_not_asked_about() -> None:
    asked: list[tuple[str, int]] = []

    async def about(answer: str, repeat: int) -> dict[str, Any]:
        asked.append((answer, repeat))
        return {"value": {"a": 0.25, "b": 0.5}[answer] + repeat / 4}

    said = asyncio.run(judge_each(["b", "a", "b", "a"], 2, about))
    assert [one.score for one in said] == [0.625, 0.375, 0.625, 0.375]
    assert sorted(asked) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [one.detail.get("same_as") for one in said] == [None, None, 0, 1]


def test_first_places() -> None:
    assert first_places(["b", "a", "b", "c", "a"]) == [0, 1, 3]
    assert first_places([]) == []


def test_a_copy_of_a_missing_judgement_is_missing() -> None:
    said = spread(["a", "a"], {0: Judgement(score=None, detail={"missing": "why", "said": ""})})
    assert [one.score for one in said] == [None, None] and said[1].detail == {"same_as": 0}


def test_without_a_score_the_reason_is_kept() -> None:
    read: list[dict[str, Any]] = [{"value": 1.0}, {"missing": "why", "said": "what"}]
    assert judgement(read, 0.25).score == 0.25
    none = judgement(read, None)
    assert none.score is None and (none.detail["missing"], none.detail["said"]) == ("why", "what")
