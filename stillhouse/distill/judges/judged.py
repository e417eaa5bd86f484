"""The stored judgements of one prompt, in the form in which a judge's habits can be read off them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.tasks import check, is_checkable

__all__ = ["Judged", "Order", "Replies"]

Order = tuple[int, ...]
Replies = Mapping[tuple[int, Order], tuple[float, ...]]
"""By repeat and order shown: the value of each position, 1 for the best to 0 for the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One prompt: the judgement of each answer and what it is compared with: its length, and whether it is right."""

    judgements: tuple[Judgement, ...]
    lengths: tuple[int, ...]
    right: tuple[bool, ...] | None = None

    @classmethod
    def of(cls, prompt: Prompt, answers: Sequence[str], judgements: Sequence[Judgement]) -> "Judged":
        """Lengths in characters; right or wrong where `tasks.check` can tell."""
        right = tuple(check(prompt, answer) for answer in answers) if is_checkable(prompt) else None
        return cls(judgements=tuple(judgements), lengths=tuple(map(len, answers)), right=right)

    @property
    def distinct(self) -> list[int]:
        """The answers that were judged: a copy of another answer counts once."""
        return [i for i, judgement in enumerate(self.judgements) if "same_as" not in judgement.detail]

    @property
    def scores(self) -> dict[int, float]:
        """The score of each distinct answer that has one."""
        found = {i: self.judgements[i].score for i in self.distinct}
        return {i: score for i, score in found.items() if score is not None}

    @property
    def asked(self) -> list[list[float]]:
        """For each distinct answer, the value of every asking that was read."""
        details = [self.judgements[i].detail for i in self.distinct]
        return [[asking["value"] for asking in detail.get("asked", ()) if "value" in asking] for detail in details]

    @property
    def replies(self) -> Replies:
        """Every comparison that was read, put together from what each answer's detail says of it."""
        found: dict[tuple[int, Order], dict[int, float]] = {}
        for i in self.distinct:
            for asking in self.judgements[i].detail.get("asked", ()):
                if "order" in asking and "value" in asking:
                    by_position = found.setdefault((asking["repeat"], tuple(asking["order"])), {})
                    by_position[asking["position"]] = asking["value"]
        return {key: tuple(values[p] for p in range(len(values))) for key, values in found.items()}

    def in_both_orders(self, length: int) -> Iterator[tuple[Order, tuple[float, ...], tuple[float, ...]]]:
        """Of each set of `length` answers read in both orders: an order, its values, and those of its reverse."""
        replies = self.replies
        for (repeat, order), values in replies.items():
            back = replies.get((repeat, order[::-1]))
            if len(order) == length and order < order[::-1] and back is not None:
                yield order, values, back
