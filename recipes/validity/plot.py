"""How often an e-value of honest subjects reached x, beside 1 / x, which it may not exceed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["plot"]


def plot(path: Path, log_es: Mapping[str, NDArray[np.float64]]) -> None:
    """One curve for each name, on logarithmic axes; the format is that of the path's ending."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, found in log_es.items():
        reached = np.sort(found[found > 0])[::-1]
        if len(reached):
            axes.step(np.exp(reached), np.arange(1, len(reached) + 1) / len(found), where="post", label=name)
    bound = np.geomspace(1, 1e5, 50)
    axes.plot(bound, 1 / bound, color="black", linestyle="--", label="1 / x, the bound")
    axes.set(xscale="log", yscale="log", xlim=(1, 1e5), xlabel="x", ylabel="share of honest subjects whose e reached x")
    axes.legend(fontsize="x-small")
    figure.savefig(path)
