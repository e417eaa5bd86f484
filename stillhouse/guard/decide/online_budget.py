"""The error budget of many subjects that are decided about again and again: accounts by themselves.

The online e-BH procedure (Fischer, Xu, Ramdas, An online generalization of the (e-)Benjamini-Hochberg procedure,
arXiv 2407.20683, section 2): hypothesis i has the share gamma_i of the level, the shares sum to one, and of all
hypotheses so far those are rejected whose e-value reaches 1 / (alpha gamma_i k), with the largest k that is reached by
k of them. The share of false ones among the k is at most the sum of alpha gamma_i e_i over the false ones, whose
expectation is at most alpha, under any dependence between the e-values and at every moment: e-values that grow may be
read as often as one likes, and what was rejected stays rejected.

Every subject is a hypothesis from the moment at which it is first seen, long before it asks enough to be judged:
opening only those that look odd would choose hypotheses by their evidence. So no order is better than another, and
shares are even over a first block of hypotheses, then over twice as many, and so on: block j has 6 / (pi (j + 1))^2 of
the level. e-LOND's shares fall with every hypothesis: the thousandth would need 26 times what an even share among a
thousand does.
"""

import math
from collections.abc import Mapping

import numpy as np

from stillhouse.guard.access.entities import Action

__all__ = ["OnlineBudget"]


class OnlineBudget:
    """`levels`: the false discovery rate of each action; actions have budgets of their own. `block` is how many
    hypotheses share the first part of the level, fixed beforehand.
    """

    def __init__(self, levels: Mapping[Action, float], block: int) -> None:
        if block < 1:
            raise ValueError(f"a block of {block} hypotheses; it needs one or more")
        self._levels = {action: math.log(level) for action, level in levels.items()}
        self._block = block
        self._found: dict[int, float] = {}
        self._rejected = dict.fromkeys(levels, 0)

    def log_share(self, number: int) -> float:
        """ln of the share of the level that hypothesis 0, 1, ... has."""
        block = (number // self._block + 1).bit_length() - 1
        return math.log(6.0) - 2 * math.log(math.pi * (block + 1)) - math.log(self._block << block)

    def note(self, number: int, log_e: float) -> bool:
        """The evidence against a hypothesis so far, which never falls; whether it is any: e below one is not kept, and
        never rejects."""
        if log_e < 0.0:
            return False
        self._found[number] = max(log_e + self.log_share(number), self._found.get(number, -math.inf))
        return True

    def count(self) -> bool:
        """Find how many are rejected, after all evidence of a moment was noted; whether they are more than before."""
        before = sum(self._rejected.values())
        found = np.sort(np.fromiter(self._found.values(), np.float64, len(self._found)))[::-1]
        needed = -np.log(np.arange(1, len(found) + 1))
        for action, level in self._levels.items():
            reached = np.flatnonzero(found >= needed - level)
            self._rejected[action] = int(reached[-1]) + 1 if len(reached) else 0
        return sum(self._rejected.values()) > before

    def threshold(self, number: int, action: Action) -> float:
        """What ln e has to reach, as of the last count."""
        return -self._levels[action] - self.log_share(number) - math.log(max(self._rejected[action], 1))

    def rejects(self, number: int, action: Action) -> bool:
        """Whether the evidence that was noted reached it."""
        found = self._found.get(number, -math.inf)
        return found >= -self._levels[action] - math.log(max(self._rejected[action], 1))
