"""How far an account stands out by when and how much it asks: day and night, evenly, far beyond what its plan uses.

At each closing of a day of its own (`features/cadence.py`) three numbers are put on the scale of honest accounts'
largest ones: over how many hours the requests are spread, how regular their gaps are, and how many they are, the last
among accounts of the same plan. The surprises add up, and the largest sum so far is the account's value. Honest
pipelines are like this too; how many, the reference has to show.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.features.cadence import Closing
from stillhouse.guard.features.use import ratio
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["ORDINARY", "Conduct", "ConductScale", "Part"]

_NONE = np.zeros(0)


class Part(NamedTuple):
    """One number of a closing, and its surprise in nats among `honest` accounts."""

    name: str
    number: float
    surprise: float
    honest: int


class Conduct(NamedTuple):
    """`value` is the sum of the parts' surprises; `usual` the ratio of its requests to the plan's median."""

    value: float = 0.0
    parts: tuple[Part, ...] = ()
    plan: str = ""
    usual: float | None = None


ORDINARY = Conduct()
"""Of an account that had no closing."""


class ConductScale:
    """Largest numbers of honest accounts that had a closing, in rising order; `use` by the plan's name."""

    def __init__(
        self, spread: NDArray[np.float64], regularity: NDArray[np.float64], use: Mapping[str, NDArray[np.float64]]
    ) -> None:
        self.spread = spread
        self.regularity = regularity
        self.use = use

    @classmethod
    def of(cls, accounts: Iterable[tuple[str, Sequence[Closing]]]) -> Self:
        """From the plan and the closings of each honest account; those without a closing are passed over."""
        spread, regularity, use = list[float](), list[float](), dict[str, list[float]]()
        for plan, closings in accounts:
            if closings:
                spread.append(max(one.spread for one in closings))
                regularity.append(max(one.regularity for one in closings))
                use.setdefault(plan, []).append(max(one.requests for one in closings))
        return cls(
            np.sort(np.array(spread, np.float64)),
            np.sort(np.array(regularity, np.float64)),
            {plan: np.sort(np.array(use[plan], np.float64)) for plan in sorted(use)},
        )

    def largest(self, plan: str, closings: Iterable[Closing], *, member: bool = False) -> Conduct:
        """The newest closing that surprises most; `member` says that the account is one of the reference's.

        A plan that no honest account had says nothing about use.
        """
        use = self.use.get(plan, _NONE)
        best = ORDINARY
        for closing in closings:
            parts = tuple(
                Part(name, number, -conformal_log_p(number, honest, member=member) if len(honest) else 0.0, len(honest))
                for name, number, honest in (
                    ("spread", closing.spread, self.spread),
                    ("regularity", closing.regularity, self.regularity),
                    ("use", float(closing.requests), use),
                )
            )
            value = sum(part.surprise for part in parts)
            if value > 0.0 and value >= best.value:
                best = Conduct(value, parts, plan, ratio(closing.requests, use))
        return best
