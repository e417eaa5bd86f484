"""The error budget of each action: an online procedure on e-values, one hypothesis for each subject.

e-LOND (Xu and Ramdas, Online multiple testing with e-values, AISTATS 2024) gives the t-th hypothesis the level alpha
* gamma_t * (discoveries so far + 1) and rejects when its e-value reaches the level's reciprocal; the false discovery
rate is then at most alpha under any dependence between the e-values. Here a hypothesis gets its level when its
subject is first looked at and may be rejected later, when more evidence is in: its e-value is one at every moment,
the level does not change any more, and discoveries only grow, so the proof holds as it is.

A discovery of an action is a subject on which it was taken, or a stronger one: evidence that reached the level and led
to nothing raises no later level, so the rate is that of false subjects among those that were acted on. Which subjects
are opened, and in what order, may not depend on the evidence that their e-values are made of. Here it does a little: a
group is opened when enough of its accounts have asked enough, and what the scored requests have in common decides
whether it is (`Look.is_eligible`). That is taken to say nothing of how recognisable honest accounts are.
"""

import math
from collections.abc import Mapping

from online_fdr.e_values import ELond

from stillhouse.guard.access.entities import ACTIONS, Action

__all__ = ["Budget"]


class Budget:
    """`levels`: the false discovery rate of each action. Actions have budgets of their own."""

    def __init__(self, levels: Mapping[Action, float]) -> None:
        self._procedures = {action: ELond(level) for action, level in levels.items()}
        self._thresholds: dict[tuple[str, Action], float] = {}
        self._rejected: set[tuple[str, Action]] = set()
        self._acted: dict[Action, set[str]] = {action: set() for action in levels}
        self._discoveries = 0

    def open(self, subject: str) -> None:
        """Give the subject its levels, before its first e-value is known. ValueError for one that has them already."""
        if any((subject, action) in self._thresholds for action in self._procedures):
            raise ValueError(f"subject {subject!r} has its levels already: open each once")
        for action, procedure in self._procedures.items():
            procedure.num_reject = min(self._discoveries, len(self._acted[action]))
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
        return True

    def took(self, subject: str, action: Action) -> None:
        """The action was taken on the subject, and with it each milder one whose level its evidence reached."""
        for one, acted in self._acted.items():
            if ACTIONS.index(one) <= ACTIONS.index(action) and (subject, one) in self._rejected:
                acted.add(subject)

    def discovered(self) -> None:
        """Count a discovery that is none of the earlier ones seen from another side.

        Several subjects may be one finding: counting each would raise the levels of all that follow. Counting fewer
        than were acted on only lowers levels, so the rate still holds; no action counts more than it was taken on.
        """
        self._discoveries += 1
