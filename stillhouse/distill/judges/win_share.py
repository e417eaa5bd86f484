"""How much of the other answers to a prompt an answer beats.

Answers repeat, and a learner counts every one of them, so each opponent weighs as often as it was given, and copies of
the answer itself are opponents that it neither beats nor loses to. Only then does a score mean the same in every group:
its expectation is the probability to win against another answer, whatever else was drawn.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import mean
from typing import Any

__all__ = ["win_share"]

_HALF = Fraction(1, 2)


def win_share(answer: int, replies: Sequence[Mapping[str, Any]], copies: Mapping[int, int]) -> float | None:
    """The share of the n - 1 other answers that `answer` beats, ties and its own copies one half; None if none was met.

    `copies`: how often each distinct answer was given, itself included, by its place; they sum to n. `replies`: an
    order and its reverse in turn, each with `order` (places) and, if it was read, `values` by position in it; only
    what was read in both orders counts. Where an opponent was met several times its share is the mean; opponents that
    were met stand for those that were not. The sum is exact, so that equal shares are equal numbers.
    """
    met: dict[int, list[Fraction]] = {}
    for both in zip(replies[::2], replies[1::2], strict=True):
        if answer not in both[0]["order"] or not all("values" in reply for reply in both):
            continue
        for reply in both:
            values = dict(zip(reply["order"], reply["values"], strict=True))
            own = values.pop(answer)
            for other, value in values.items():
                met.setdefault(other, []).append(_HALF if own == value else Fraction(own > value))
    if not met:
        return None
    beaten = sum(copies[other] * mean(wins) for other, wins in met.items()) / sum(copies[other] for other in met)
    same, others = copies[answer] - 1, sum(copies.values()) - copies[answer]
    return float((same * _HALF + others * beaten) / (same + others))
