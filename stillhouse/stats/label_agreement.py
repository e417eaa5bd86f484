"""How well a rule agrees with people's labels: accuracy, precision, recall and Cohen's kappa, each with its interval.

Accuracy alone flatters a rule wherever one label is common; kappa subtracts what two raters with these frequencies
would agree on by chance. Answers of several models to one question resemble each other, so whole questions are drawn.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from stillhouse.errors import ConfigError
from stillhouse.stats.bootstrap import Interval

__all__ = ["label_agreement"]

_MEASURES = ("accuracy", "kappa", "precision", "recall")


def label_agreement(
    labels: Sequence[bool],
    found: Sequence[bool],
    groups: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """`accuracy`, `kappa` (Cohen, Educational and Psychological Measurement 20, 1960), `precision` and `recall`.

    `labels` are the people's, `found` the rule's, and answers of one of `groups` are drawn together (percentile
    bootstrap); `n` counts the groups. Raises ConfigError where a measure has no value: no label true, nothing found.
    """
    names = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    counts_GC = np.zeros((len(names), 4))
    for label, rule, group in zip(labels, found, groups, strict=True):
        counts_GC[names[group], 2 * label + rule] += 1
    whole = counts_GC.sum(axis=0)
    if not (whole[1] + whole[3] and whole[2] + whole[3]):
        raise ConfigError("agreement needs at least one answer that is labelled true and one that the rule finds")
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples) @ counts_GC
    values, draws = _measures(whole[None])[0], _measures(drawn)
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    method = f"percentile bootstrap over questions, {resamples} resamples, level {level:g}"
    return {
        name: Interval(float(values[i]), float(low[i]), float(high[i]), len(names), method)
        for i, name in enumerate(_MEASURES)
    }


def _measures(counts_RC: NDArray[np.float64]) -> NDArray[np.float64]:
    """[R, 4] from counts of (label, found) = (no, no), (no, yes), (yes, no), (yes, yes)."""
    nn, ny, yn, yy = counts_RC.T
    total = counts_RC.sum(axis=1)
    accuracy = (nn + yy) / total
    chance = ((nn + ny) * (nn + yn) + (yn + yy) * (ny + yy)) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may hold one label only; it is left out
        kappa = (accuracy - chance) / (1 - chance)
        return np.stack([accuracy, kappa, yy / (ny + yy), yy / (yn + yy)], axis=1)
