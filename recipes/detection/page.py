"""From the bench's tables to one self-contained page: what is shown is made ready here, the template places it."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from bench.detection_tables import ALL
from recipes.detection.amounts import count, percent, share
from recipes.detection.plots import MARKS, evidence_plot, honest_plot, let_through_plot, shown_methods
from stillhouse.distill.report.svg import COLOURS

__all__ = ["render"]

_SHAPES = {"D": "◆", "s": "■", "v": "▼", "^": "▲", "o": "●"}


def render(tables: Mapping[str, Any], text: str, about: Mapping[str, Any], command: str) -> str:
    """The page as HTML text; `tables` are those of one text (`packaged` or `given`)."""
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(Path(__file__).parent), PackageLoader("stillhouse.distill", "data")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "share": share,
        "words": lambda name: name.replace("_", " "),
    }
    first, *compared = tables["methods"]
    methods = shown_methods(compared)
    return environment.get_template("report.html.j2").render(
        tables=tables,
        text=text,
        about=about,
        command=command,
        ours=first,
        compared=compared,
        total=next(row for row in tables["honest"] if row["kind"] == ALL),
        methods=methods,
        legend=[(_SHAPES[marker], _css(colour), name) for name, (marker, colour) in zip(methods, MARKS, strict=False)],
        costs={name: median(values) for name, values in tables["costs"].items()},
        let_through=let_through_plot(tables["compared"], methods) if methods else None,
        evidence=evidence_plot(tables["courses"]),
        honest=honest_plot(tables["honest"]),
    )


def _css(colour: str) -> str:
    """A stand-in as the variable that it stands for."""
    return next((f"var(--c-{name})" for name, stand_in in COLOURS.items() if stand_in == colour), colour)
