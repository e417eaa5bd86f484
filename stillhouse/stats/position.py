"""Does the place at which something was shown change the place that it was given?

Every prompt has its own answers, shown once or several times in different orders, and each showing gives every answer
a place. If the places given depend on the answers alone, then the orders, which were drawn at random, could as well
have been drawn with the answers renamed. So the answers of a prompt are renamed at random, in all of its orders at
once, and the test is exact whatever the rankings of one prompt have in common (Fisher, The Design of Experiments,
1935).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stillhouse.errors import ConfigError

__all__ = ["PositionEffect", "position_effect"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PositionEffect:
    """`means[p]` is the mean place given (1 is best) to what was shown at position p; `p_value` for "all the same".

    `n` counts prompts, `lists` the lists that were shown.
    """

    means: tuple[float, ...]
    p_value: float
    n: int
    lists: int
    method: str


def position_effect(
    shown: Sequence[NDArray[np.int64]], given: Sequence[Array], *, permutations: int, seed: int
) -> PositionEffect:
    """`shown[g][k, i]` is the position (from 0) of answer i in list k of prompt g, `given[g][k, i]` its place (from 1).

    All lists have one length. The statistic is the sum over positions of (mean place - overall mean)^2; the p-value
    counts the data themselves among the permutations (Phipson & Smyth 2010). Raises ConfigError without lists.
    """
    if not shown:
        raise ConfigError("the effect of position needs at least 1 list; judge more prompts")
    m = shown[0].shape[1]
    lists = sum(len(positions) for positions in shown)
    rng = np.random.default_rng(seed)
    sums = np.zeros((permutations + 1, m))
    for positions, places in zip(shown, given, strict=True):
        # Row 0 keeps the answers' names.
        names = np.vstack([np.arange(m), rng.permuted(np.tile(np.arange(m), (permutations, 1)), axis=1)])
        for at, place in zip(positions, places, strict=True):
            by_position = np.empty_like(sums)
            np.put_along_axis(by_position, at[names], np.broadcast_to(place, names.shape), axis=1)
            sums += by_position
    means = sums / lists
    spread = ((means - (m + 1) / 2) ** 2).sum(axis=1)
    reached = int((spread[1:] >= spread[0] - 1e-12).sum())
    method = f"randomisation test, answers renamed within prompts, {permutations} permutations"
    return PositionEffect(
        means=tuple(float(mean) for mean in means[0]),
        p_value=(reached + 1) / (permutations + 1),
        n=len(shown),
        lists=lists,
        method=method,
    )
