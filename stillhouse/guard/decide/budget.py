"""The error budget of each action: an online procedure on e-values, one hypothesis for each subject.

e-LOND (Xu and Ramdas, Online multiple testing with e-values, AISTATS 2024) gives the t-th hypothesis the level alpha
* gamma_t * (discoveries so far + 1) and rejects when its e-value reaches the level's reciprocal; the false discovery
rate is then at most alpha under any dependence between the e-values. Here a hypothesis gets its level when its
subject is first looked at and may be rejected later, when more evidence is in: its e-value is one at every moment,
the level does not change any more, and discoveries only grow, so the proof holds as it is.
"""

import math
from collections.abc import Mapping

from online_fdr.e_values import ELond

from stillhouse.guard.access.entities import Action

__all__ = ["Budget"]


class Budget:
    """`levels`: the false discovery rate of each action. Actions have budgets of their own."""

    def __init__(self, levels: Mapping[Action, float]) -> None:
        self._procedures = {action: ELond(level) for action, level in levels.items()}
        self._thresholds: dict[tuple[str, Action], float] = {}
        self._rejected: set[tuple[str, Action]] = set()
        self._rejections = dict.fromkeys(levels, 0)
        self._discoveries = 0

    def open(self, subject: str) -> None:
        """Give the subject its levels, before its first e-value is known. ValueError for one that has them already."""
        if any((subject, action) in self._thresholds for action in self._procedures):
            raise ValueError(f"subject {subject!r} has its levels already: open each once")
        for action, procedure in self._procedures.items():
            # A finding that this action was never taken on is none of its discoveries.
            procedure.num_reject = min(self._discoveries, self._rejections[action])
            procedure.test_one(0.0)
            level = procedure.last_test_level
            assert level is not None
            self._thresholds[subject, action] = -math.log(level)

    def threshold(self, subject: str, action: Action) -> float:
        """What ln e has to reach."""
        return self._thresholds[subject, action]

    def rejects(self, subject: str, action: Action, log_e: float) -> bool:
        """Whether the subject's evidence reaches the level, now or before."""
        key = subject, action
        if key in self._rejected:
            return True
        if log_e < self._thresholds[key]:
            return False
        self._rejected.add(key)
        self._rejections[action] += 1
        return True

    def discovered(self) -> None:
        """Count a discovery that is none of the earlier ones seen from another side.

        Several subjects may be one finding: counting each would raise the levels of all that follow. Counting fewer
        than were rejected only lowers levels, so the rate still holds; an action never counts more than it rejected.
        """
        self._discoveries += 1
