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

from stillhouse.guard.decide.decision import Action

__all__ = ["Budget"]


class Budget:
    """`levels`: the false discovery rate of each action. Actions have budgets of their own."""

    def __init__(self, levels: Mapping[Action, float]) -> None:
        self._procedures = {action: ELond(level) for action, level in levels.items()}
        self._thresholds: dict[tuple[str, Action], float] = {}
        self._rejected: set[tuple[str, Action]] = set()

    def open(self, subject: str) -> None:
        """Give the subject its levels; once, before its first e-value is known."""
        for action, procedure in self._procedures.items():
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
        self._procedures[action].num_reject += 1
        self._rejected.add(key)
        return True
