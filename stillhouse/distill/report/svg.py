"""Matplotlib figures as inline SVG that follows the colours of the page around it.

A picture with fixed colours is unreadable in either light or dark mode. So figures are drawn in stand-in
colours that are then replaced by CSS variables, text stays text (small, searchable, in the page's own
font), and every id gets the picture's name in front, because ids must be unique in the whole page.
"""

import io
import re
from html import escape

import matplotlib
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from stillhouse.distill.manifest import PARTS

__all__ = ["COLOURS", "inline_svg"]

_VARIABLES = ("ink", "muted", "rule", "page", "before", "after", *PARTS)
COLOURS = {name: f"#0000{number:02x}" for number, name in enumerate(_VARIABLES, start=1)}
"""Stand-in colour by name; in the page it is the CSS variable `--c-NAME`."""

_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


def inline_svg(figure: Figure, *, name: str, label: str, stretch: bool = False) -> Markup:
    """The figure as an `<svg role="img">` element; `label` says in words what it shows.

    `name` is unique in the page. With `stretch` the picture fills its box without keeping its proportions.
    """
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "stillhouse"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    view_box = re.search(r'viewBox="([^"]*)"', text)
    assert view_box is not None  # the SVG backend always writes it
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body)
    body = re.sub(r"font: ?([\d.]+px)[^;\"]*", r"font-size: \1", body)
    for colour, stand_in in COLOURS.items():
        body = body.replace(stand_in, f"var(--c-{colour})")
    aspect = ' preserveAspectRatio="none"' if stretch else ""
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="{view_box.group(1)}"{aspect}>'
    return Markup(f"{head}<title>{escape(label)}</title>{body}")
