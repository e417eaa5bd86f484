"""A judge's habits as a table on the terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from stillhouse.distill.judges.reliability import Measured
from stillhouse.stats import Interval

__all__ = ["reliability_table"]


def reliability_table(judge: str, measured: Sequence[Measured]) -> Table:
    """One row for each measure: what it means or why there is none, value, interval or p-value, prompts."""
    table = Table(title=f"How far {judge} can be trusted", title_justify="left")
    table.add_column("measure")
    for heading in ("value", "95 % interval", "prompts"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in measured:
        meaning = row.meaning if row.value is not None else f"not measured: {row.why}"
        table.add_row(f"{row.name}\n[dim]{escape(meaning)}", *_cells(row), end_section=True)
    return table


def _cells(row: Measured) -> tuple[str, str, str]:
    match row.value:
        case None:
            return "-", "", ""
        case Interval(value=value, low=low, high=high, n=n):
            return f"{value:.3f}", f"{low:.3f} to {high:.3f}", str(n)
        case effect:
            return " ".join(f"{mean:.2f}" for mean in effect.means), f"p = {effect.p_value:.3g}", str(effect.n)
