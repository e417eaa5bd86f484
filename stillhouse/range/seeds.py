"""Random numbers by name: every person, day and campaign has a generator of its own.

A generator that all share would make each person's words depend on how many others there are. Named seeds keep the
honest population, byte for byte, when a campaign is added or another one grows, so that two measurements differ in
one thing only. Python's own `Random` is used because it draws single numbers twenty times faster than numpy's, and
most draws here are single.
"""

import math
from bisect import bisect
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import TypeVar

__all__ = ["cumulative", "draws", "hex_of", "pick", "poisson", "seed_of", "shuffled"]

T = TypeVar("T")


def seed_of(*parts: str | int) -> int:
    """64 bits from the name that `parts` spell: the same in every process and on every machine."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def hex_of(*parts: str | int, size: int = 6) -> str:
    """`2 * size` hex digits from a name: identifiers that say nothing about what they stand for."""
    return blake2b("/".join(map(str, parts)).encode(), digest_size=size, person=b"range id").hexdigest()


def draws(*parts: str | int) -> Random:
    """The generator of that name."""
    return Random(seed_of(*parts))


def cumulative(weights: Sequence[float]) -> tuple[float, ...]:
    """Running sums, as `pick` takes them."""
    return tuple(accumulate(weights))


def pick(rng: Random, values: Sequence[T], sums: Sequence[float]) -> T:
    """One of `values` by its weight; `sums` are the running sums of the weights."""
    return values[min(bisect(sums, rng.random() * sums[-1]), len(values) - 1)]


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count: Knuth's products for small means, the rounded normal above 30."""
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def shuffled(values: Sequence[T], *parts: str | int) -> list[T]:
    """`values` in the order that the name gives."""
    order = list(values)
    draws(*parts).shuffle(order)
    return order
