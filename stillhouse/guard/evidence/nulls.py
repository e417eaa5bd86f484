"""What honest groups look like, and the lines of evidence against a group: each a p-value, averaged as e-values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.evidence.group import SIZES, Look
from stillhouse.guard.evidence.line import Line
from stillhouse.guard.evidence.persistence import PersistenceNull
from stillhouse.guard.features.cues import CUES
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["VIEWS", "GroupNull"]

VIEWS = ("either", "content", "times")
_WEIGHTS = {"either": 0.6, "content": 0.1, "times": 0.2, "purpose": 0.1}


@dataclass(frozen=True, slots=True)
class GroupNull:
    """`persistence[view, size]` models counts; `shown[cue]` are shares of honest groups in rising order."""

    persistence: Mapping[tuple[str, int], PersistenceNull | None]
    shown: Sequence[NDArray[np.float64]]
    groups: int

    @classmethod
    def of(cls, honest: Sequence[Look]) -> Self:
        """From looks at honest groups that share few accounts; of each group one of every size that it allows."""
        persistence: dict[tuple[str, int], PersistenceNull | None] = {}
        for size in SIZES:
            for view in VIEWS:
                counts = [one.counted(view) for one in honest if one.size == size]
                persistence[view, size] = PersistenceNull.fit([one for one in counts if one is not None])
        # Every group allows the least size, and what it shows is the same in all of its looks: counted once.
        once = [one for one in honest if one.size == SIZES[0]]
        shown = [np.sort(np.array([one.shown[at] for one in once], np.float64)) for at in range(len(CUES))]
        return cls(persistence, shown, len(once))

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
        if self.groups:
            log_ps = [conformal_log_p(seen.shown[at], self.shown[at]) for at in range(len(CUES))]
            at = log_ps.index(min(log_ps))
            # The smallest of five p-values, by Bonferroni.
            log_p = min(0.0, log_ps[at] + math.log(len(CUES)))
            told: dict[str, float | int | str] = {"cue": str(CUES[at].name).lower(), "share": seen.shown[at]}
            found.append(Line("purpose", log_p, _WEIGHTS["purpose"], facts=told))
        return found
