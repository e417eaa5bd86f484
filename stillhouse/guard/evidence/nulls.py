"""What honest groups look like, and the lines of evidence against a group: each a p-value, averaged as e-values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from stillhouse.guard.evidence.group import SIZES, Look
from stillhouse.guard.evidence.line import Line
from stillhouse.guard.evidence.persistence import PersistenceNull

__all__ = ["VIEWS", "GroupNull"]

VIEWS = ("either", "content", "times")
_WEIGHTS = {"either": 0.65, "content": 0.15, "times": 0.2}


@dataclass(frozen=True, slots=True)
class GroupNull:
    """`persistence[view, size]` models counts of honest groups; `groups` is how many independent ones there were."""

    persistence: Mapping[tuple[str, int], PersistenceNull | None]
    groups: int

    @classmethod
    def of(cls, honest: Sequence[tuple[int, Look]]) -> Self:
        """From looks at honest groups that share few accounts, of each one of every size that it allows, with the
        number of what it is a part of: parts of one crowd have one number, and are one group between them.
        """
        persistence: dict[tuple[str, int], PersistenceNull | None] = {}
        for size in SIZES:
            for view in VIEWS:
                of_size = ((whose, one.counted(view)) for whose, one in honest if one.size == size)
                seen = [(whose, counted) for whose, counted in of_size if counted is not None]
                parts = Counter(whose for whose, _ in seen)
                weights = [1 / parts[whose] for whose, _ in seen]
                persistence[view, size] = PersistenceNull.fit([counted for _, counted in seen], weights)
        # Every group allows the least size.
        return cls(persistence, len({whose for whose, one in honest if one.size == SIZES[0]}))

    @property
    def sizes(self) -> list[int]:
        """How many newest requests can be compared: those for which enough honest groups were seen."""
        return [size for size in SIZES if self.persistence["either", size] is not None]

    def lines(self, seen: Look) -> list[Line]:
        """The lines that can be told of this look; `either` is left out where a view cannot tell."""
        found = []
        for view in VIEWS:
            counted, null = seen.counted(view), self.persistence[view, seen.size]
            if counted is not None and null is not None:
                facts = {"persistent": counted.persistent, "parties": counted.accounts, "requests_each": seen.size}
                found.append(Line(view, null.log_p(counted), _WEIGHTS[view], modelled=True, facts=facts))
        return found
