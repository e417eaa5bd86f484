"""The pictures of the detection report. Methods differ by shape as well as by colour, and the colours are told apart by
the colour-blind (Okabe and Ito, 2002).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.detection_scores import ACTIONS
from bench.detection_tables import ALL, TOLERATED
from bench.detection_tasks import OURS
from stillhouse.distill.report.svg import COLOURS, inline_svg

__all__ = ["MARKS", "evidence_plot", "honest_plot", "let_through_plot", "shown_methods"]

Rows = Sequence[Mapping[str, Any]]

_OKABE_ITO = ("#e69f00", "#009e73", "#cc79a7", "#d55e00")
MARKS = (("D", COLOURS["after"]), *zip("sv^o", _OKABE_ITO, strict=True))
"""Shape and colour of each method, ours first."""

_WIDTH = 11.5
_ROW = 0.27
_LEAST = 1e-5
_LASTS = 48.0  # hours of a campaign


def shown_methods(methods: Rows) -> list[str]:
    """Ours and one baseline of each family: the one that lets least through, among those that suspend a hundredth of
    the honest at most where there are some.
    """
    families: dict[str, list[Mapping[str, Any]]] = {}
    for row in methods:
        families.setdefault(row["method"].partition(",")[0], []).append(row)
    return [min(rows, key=_badness)["method"] for rows in families.values()]


def _badness(row: Mapping[str, Any]) -> tuple[bool, float, int]:
    hit = row["suspended_honest"]
    return hit > TOLERATED * row["accounts_honest"], row["campaigns"]["mean"]["let_through"], hit


def let_through_plot(compared: Rows, methods: Sequence[str]) -> Markup:
    """For each strategy the mean share of its exchanges that each method let through; 0 is best."""
    figure, axes = _rows_figure([row["strategy"].replace("_", " ") for row in compared])
    step = 0.7 / len(methods)
    for number, (method, (marker, colour)) in enumerate(zip(methods, MARKS, strict=False)):
        values = [row["methods"][method]["mean"]["let_through"] for row in compared]
        heights = [-at + 0.35 - step * (number + 0.5) for at in range(len(compared))]
        ours = method == OURS
        axes.hlines(heights, 0, values, color=colour, linewidth=2.6 if ours else 1.0, alpha=1.0 if ours else 0.55)
        axes.plot(values, heights, marker, color=colour, ms=5.5 if ours else 4.2, clip_on=False, zorder=3)
    axes.set_xlim(0, 1.0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    told = "; ".join(
        f"{row['strategy']} " + ", ".join(f"{row['methods'][one]['mean']['let_through']:.0%} {one}" for one in methods)
        for row in compared
    )
    return inline_svg(figure, name="let-through", label=f"Exchanges let through by strategy: {told}")


def evidence_plot(courses: Mapping[str, Rows]) -> Markup:
    """ln e of each campaign that was decided about, over the hours since it began, with what an action had to reach."""
    figure = Figure(figsize=(_WIDTH, 3.6))
    axes = figure.add_axes((0.035, 0.13, 0.93, 0.82))
    needed: dict[str, list[float]] = {}
    end = max([_LASTS, *(course[-1]["hours"] for course in courses.values())])
    for course in courses.values():
        hours, values = [one["hours"] for one in course], [one["log_e"] for one in course]
        axes.step([*hours, end], [*values, values[-1]], where="post", color=COLOURS["after"], linewidth=1.1, alpha=0.7)
        axes.plot(hours[:1], values[:1], "o", color=COLOURS["after"], ms=3)
        for one in course:
            needed.setdefault(one["action"], []).append(one["needed"])
    for action, colour in zip([one for one in ACTIONS if one in needed], _OKABE_ITO, strict=False):
        levels = needed[action]
        axes.axhspan(min(levels), max(levels) + 1e-6, color=colour, alpha=0.16, linewidth=0)
        axes.axhline(min(levels), color=colour, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.text(end, min(levels), f"least for {action} ", color=COLOURS["ink"], fontsize=8.5, ha="right", va="bottom")
    axes.set_xlim(0, end)
    axes.set_ylim(0, None)
    _plain(axes)
    axes.set_xlabel("hours since the campaign began", color=COLOURS["muted"], fontsize=8.5)
    told = "; ".join(f"{name} ln e {course[-1]['log_e']:.1f}" for name, course in courses.items())
    return inline_svg(figure, name="evidence", label=f"Evidence over time: {told or 'no campaign was decided about'}")


def honest_plot(honest: Rows) -> Markup:
    """Share of honest accounts of each kind that were slowed (or worse) and suspended, each with its upper bound."""
    figure, axes = _rows_figure([f"{row['kind'].replace('_', ' ')} ({row['accounts']:,})" for row in honest], left=0.16)
    for offset, what, marker, colour in (
        (0.14, "slowed", "s", _OKABE_ITO[0]),
        (-0.14, "suspended", "D", COLOURS["after"]),
    ):
        for at, row in enumerate(honest):
            height, share = -at + offset, row[what] / row["accounts"]
            axes.hlines(height, _LEAST, row[f"{what}_upper"], color=colour, linewidth=1.2, alpha=0.6)
            axes.plot([row[f"{what}_upper"]], [height], "|", color=colour, ms=6)
            if share:
                axes.plot([share], [height], marker, color=colour, ms=5)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.minorticks_off()
    total = next(row for row in honest if row["kind"] == ALL)
    label = (
        f"Honest accounts by kind: of {total['accounts']:,} in all {total['slowed']} slowed or worse, "
        f"{total['suspended']} suspended"
    )
    return inline_svg(figure, name="honest", label=label)


def _rows_figure(names: Sequence[str], left: float = 0.11) -> tuple[Figure, Axes]:
    """A figure with one named row for each thing, the first on top."""
    height = _ROW * len(names) + 0.35
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((left, 0.28 / height, 0.965 - left, 1 - 0.35 / height))
    axes.set_yticks([-at for at in range(len(names))], names)
    axes.set_ylim(-len(names) + 0.45, 0.55)
    _plain(axes, grid="x")
    axes.tick_params(axis="y", labelcolor=COLOURS["ink"], labelsize=9)
    return figure, axes


def _plain(axes: Axes, grid: str = "y") -> None:
    """Hairlines, no frame."""
    axes.tick_params(length=0, labelcolor=COLOURS["muted"], labelsize=8.5, pad=3)
    axes.grid(axis=grid, color=COLOURS["rule"], linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["rule"])
