"""The pictures of the report: curves over steps, intervals, and where the time went.

Small multiples with one scale each, drawn alike, instead of one busy plot with two axes: the eye compares
shapes, and a panel stays readable on a telephone.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stillhouse.distill.report.svg import COLOURS, inline_svg

__all__ = ["curve", "interval_plot", "running_mean", "time_bar"]

Point = tuple[float, float]


def curve(points: Sequence[Point], *, name: str, label: str, mean: bool) -> Markup:
    """A measure over optimiser steps; with `mean` each step is thin and a running mean over it thick.

    `points` has at least one. The axis starts at zero unless a value is negative, so that heights compare.
    """
    figure = Figure(figsize=(3.6, 1.75))
    axes = figure.add_axes((0.125, 0.14, 0.86, 0.81))
    steps = [step for step, _ in points]
    values = [value for _, value in points]
    window = max(1, len(points) // 15) if mean else 1
    if window == 1:
        axes.plot(steps, values, color=COLOURS["after"], linewidth=1.4, marker="o" if len(points) < 8 else "", ms=3)
    else:
        axes.plot(steps, values, color=COLOURS["after"], linewidth=0.7, alpha=0.55)
        axes.plot(steps, running_mean(values, window), color=COLOURS["after"], linewidth=1.6)
    if min(values) >= 0:
        axes.set_ylim(0, (max(values) or 1.0) * 1.06)
    axes.margins(x=0.01)
    _plain(axes)
    return inline_svg(figure, name=name, label=label)


def running_mean(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and up to `window // 2` on either side: centred, so that it does not lag."""
    spans = [values[max(0, at - window // 2) : at + window // 2 + 1] for at in range(len(values))]
    return [math.fsum(span) / len(span) for span in spans]


def interval_plot(results: Mapping[str, Mapping[str, Any]], *, name: str, label: str) -> Markup:
    """Value and interval of `before`, `after` and `teacher` above each other on one scale, without axes."""
    figure = Figure(figsize=(2.0, 0.5))
    axes = figure.add_axes((0.03, 0.04, 0.94, 0.92))
    shapes = {"before": ("o", "page", 4.2), "after": ("o", "after", 4.2), "teacher": ("D", "ink", 3.4)}
    ends: list[float] = []
    for height, (who, (marker, fill, size)) in zip((2, 1, 0), shapes.items(), strict=True):
        if who not in results:
            continue
        result = results[who]
        edge = COLOURS["ink" if who == "teacher" else who]
        low, high = result.get("low", result["value"]), result.get("high", result["value"])
        axes.plot([low, high], [height, height], color=edge, linewidth=1.4, solid_capstyle="butt")
        axes.plot([result["value"]], [height], marker, color=edge, mfc=COLOURS[fill], ms=size, mew=1.2)
        ends += [low, high]
    room = (max(ends) - min(ends)) * 0.05 or 1.0
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.set_ylim(-0.7, 2.7)
    axes.set_axis_off()
    return inline_svg(figure, name=name, label=label)


def time_bar(seconds: Mapping[str, float], *, name: str, label: str) -> Markup:
    """One horizontal bar, divided by part; the table below it is its legend. Some part took time."""
    figure = Figure(figsize=(8.0, 0.25))
    axes = figure.add_axes((0, 0, 1, 1))
    edges = [0.0]
    for duration in seconds.values():
        edges.append(edges[-1] + duration)
    for part, (start, end) in zip(seconds, pairwise(edges), strict=True):
        axes.barh(0, end - start, left=start, height=1, color=COLOURS[part], linewidth=0)
    for edge in edges[1:-1]:
        axes.axvline(edge, color=COLOURS["page"], linewidth=1)
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(-0.5, 0.5)
    axes.set_axis_off()
    return inline_svg(figure, name=name, label=label, stretch=True)


def _plain(axes: Axes) -> None:
    """Hairlines, few ticks, no frame."""
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    axes.tick_params(length=0, labelcolor=COLOURS["muted"], labelsize=8.5, pad=3)
    axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["rule"])


def _tick(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0e}"
