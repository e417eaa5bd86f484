"""Honest accounts for tests of ranks: odd ones among them, who are odd every day."""

import numpy as np

from stillhouse.guard.evidence.horizons import band_of
from stillhouse.guard.evidence.purpose import begun, update
from stillhouse.guard.evidence.standing import Maxima
from stillhouse.guard.features.cues import CUES

__all__ = ["life", "lived"]

BITS = np.array([int(cue) for cue in CUES])


def life(rng: np.random.Generator) -> list[Maxima]:
    """An honest account's maxima after each request. Its rates of cues are its own, and some people's are high all
    their lives: a tenth of the shares are above ten times the median. So are volumes."""
    requests = int(min(4 * rng.pareto(1.2) + 1, 150))
    rates = np.minimum(0.01 * rng.pareto(1.0, len(CUES)), 0.95)
    return lived(((rng.random((requests, len(CUES))) < rates) @ BITS).tolist())


def lived(masks: list[int]) -> list[Maxima]:
    """The maxima after each request with these cues."""
    running, best = begun(), begun()
    closed: list[tuple[float, ...]] = []
    found: list[Maxima] = []
    for count, mask in enumerate(masks, 1):
        if band_of(count) > len(closed):
            closed.append(tuple(best))
        update(running, best, mask)
        found.append([*closed, tuple(best)])
    return found
