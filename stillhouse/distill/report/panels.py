"""Which curves the report shows, and what it says where a metric was not recorded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from stillhouse.distill.report.plots import curve

__all__ = ["Panel", "panels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One curve with its heading, or `svg` None where no step recorded the metric."""

    title: str
    unit: str
    last: str
    svg: Markup | None


_CURVES = (
    # metric, title, unit, scale, running mean
    ("loss", "Loss", "nats per completion token", 1, True),
    ("kl", "Reverse KL", "nats per token", 1, True),
    ("entropy", "Entropy of the student", "nats per token", 1, True),
    ("grad_norm", "Gradient norm", "before clipping", 1, True),
    ("lr", "Learning rate", "millionths", 1e6, False),
    ("tokens_per_second", "Speed", "completion tokens per second", 1, True),
    ("answer_length", "Answer length", "mean tokens of an answer", 1, True),
    ("clipped_ratio", "Answers cut at the cap", "per cent", 100, True),
    ("repetition_ratio", "Answers stopped for repeating", "per cent", 100, True),
)


_JUDGED = (
    ("score", "Score by the judge", "mean of the answers, from 0 to 1", 1, True),
    ("missing_ratio", "Judgements missing", "per cent", 100, True),
    ("tied_ratio", "Prompts without two different scores", "per cent", 100, True),
)


def panels(steps: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """One panel for each curve, in order of reading. Values that are missing or not finite are left out."""
    judged = any("score" in step for step in steps)
    return [_panel(steps, *spec) for spec in (*(_JUDGED if judged else ()), *_CURVES)]


def _panel(steps: Sequence[Mapping[str, Any]], metric: str, title: str, unit: str, scale: float, mean: bool) -> Panel:
    points = [
        (float(step["step"]), scale * float(step[metric]))
        for step in steps
        if step.get(metric) is not None and math.isfinite(step[metric])
    ]
    if not points:
        return Panel(title=title, unit=unit, last="", svg=None)
    values = [value for _, value in points]
    label = (
        f"{title}, {unit}, at {len(points)} steps: first {values[0]:.4g}, "
        f"last {values[-1]:.4g}, lowest {min(values):.4g}, highest {max(values):.4g}"
    )
    svg = curve(points, name=f"curve-{metric}", label=label, mean=mean)
    return Panel(title=title, unit=unit, last=f"{values[-1]:.3g}", svg=svg)
