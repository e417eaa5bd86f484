"""Counts and shares as people read them."""

from collections.abc import Sequence

__all__ = ["count", "percent", "share"]


def count(value: float) -> str:
    """A whole number with commas."""
    return f"{round(value):,}"


def percent(value: float | None) -> str:
    """To two digits, and never 0 or 100 where it is not."""
    if value is None:
        return "none"
    if value in (0, 1):
        return f"{value:.0%}".replace("%", " %")
    return f"{100 * value:.2g} %" if value < 0.99 else f"{100 * value:.5g} %"


def share(pair: Sequence[int]) -> str:
    """`3 of 1,200`."""
    return f"{pair[0]:,} of {pair[1]:,}"
