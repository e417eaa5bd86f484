"""Answers judged each by itself: what rubric, critique and reference judges share.

The same answer twice is asked about once. `repeats` asks again with another seed, and the score is the mean of what
could be read, so that one unreadable reply among several does not cost the judgement.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from stillhouse.distill.judges.ask import Reply, together
from stillhouse.distill.judges.base import Judgement

__all__ = ["first_places", "judge_each", "judgement", "missing", "spread"]

Asking = Mapping[str, Any]


async def judge_each(
    answers: Sequence[str], repeats: int, ask_about: Callable[[str, int], Awaitable[Asking]]
) -> list[Judgement]:
    """One judgement for each answer; `ask_about(answer, repeat)` gives a `value` in [0, 1], or why it is `missing`."""
    places = first_places(answers)
    asked = await together(ask_about(answers[i], repeat) for i in places for repeat in range(repeats))
    rows = [asked[k * repeats : (k + 1) * repeats] for k in range(len(places))]
    return spread(answers, {i: judgement(row, _mean(row)) for i, row in zip(places, rows, strict=True)})


def judgement(asked: Sequence[Asking], score: float | None) -> Judgement:
    """`score` and what it rests on; without one, missing for the first reason in `asked`."""
    detail: dict[str, Any] = {"asked": [dict(asking) for asking in asked]}
    if score is not None:
        return Judgement(score=score, detail=detail)
    why = next(asking for asking in asked if "missing" in asking)
    return Judgement(score=None, detail={"missing": why["missing"], "said": why["said"], **detail})


def missing(reply: Reply[Any]) -> dict[str, Any]:
    """The record of an asking that could not be read."""
    return {"missing": reply.missing, "said": reply.said}


def first_places(answers: Sequence[str]) -> list[int]:
    """Where each distinct answer stands first."""
    places: dict[str, int] = {}
    for i, answer in enumerate(answers):
        places.setdefault(answer, i)
    return list(places.values())


def spread(answers: Sequence[str], judged: Mapping[int, Judgement]) -> list[Judgement]:
    """A judgement for every answer: that of its first place, or a copy of the score under `same_as`."""
    first = {answers[i]: i for i in judged}
    return [
        judged[i] if i in judged else Judgement(score=judged[first[answer]].score, detail={"same_as": first[answer]})
        for i, answer in enumerate(answers)
    ]


def _mean(asked: Sequence[Asking]) -> float | None:
    values = [asking["value"] for asking in asked if "value" in asking]
    return sum(values) / len(values) if values else None
