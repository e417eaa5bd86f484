"""In which order the upstreams of a model are asked.

The order is drawn by weight among those that are well. Those that rest come last rather than not at all: where every
one of them rests, an attempt may still succeed, and a refusal certainly does not.
"""

import random
from collections.abc import Sequence

from stillhouse.guard.upstreams.upstream import Upstream

__all__ = ["in_order"]


def in_order(upstreams: Sequence[Upstream], random: random.Random) -> Sequence[Upstream]:
    """Each upstream once; the first is upstream i with probability weight_i / sum of weights of those that are well.

    Drawn without replacement by exponential keys (Efraimidis and Spirakis 2006, algorithm A-ES).
    """
    if len(upstreams) == 1:
        return upstreams
    keyed = [(upstream.resting, random.expovariate(upstream.weight), upstream) for upstream in upstreams]
    keyed.sort(key=lambda entry: entry[:2])
    return [upstream for _, _, upstream in keyed]
