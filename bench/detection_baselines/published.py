"""Every baseline, one for each row of the table, in the order in which they are shown."""

from collections.abc import Sequence

from bench.detection_baselines.baseline import Baseline
from bench.detection_baselines.embedding import Embedding
from bench.detection_baselines.mmd import Mmd
from bench.detection_baselines.prada import Prada
from bench.detection_baselines.rate_limit import RateLimit
from bench.detection_baselines.static_hunt import StaticHunt

__all__ = ["published"]


def published(embedding: Embedding, windows: Sequence[int]) -> list[Baseline]:
    """Each is to be fitted before it flags. MMD is there once a window and null."""
    return [
        RateLimit.fixed(),
        RateLimit.calibrated(),
        StaticHunt(),
        Prada(embedding),
        *(Mmd(window, embedding) for window in windows),
        *(Mmd(window, embedding, null="pairs") for window in windows),
    ]
