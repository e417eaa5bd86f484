"""The bench's tables as lines of text, for a terminal and for the pages that quote them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from recipes.detection.amounts import count, percent

__all__ = ["lines"]


def lines(tables: Mapping[str, Any]) -> Iterator[str]:
    """Every table of one text, one line at a time, with an empty one behind each."""
    worlds = tables["worlds"]
    yield (
        f"{worlds['worlds']} world{'s' if worlds['worlds'] > 1 else ''}: {worlds['exchanges']:,} exchanges, "
        f"{worlds['honest_accounts']:,} honest accounts, {worlds['campaign_accounts']:,} accounts "
        f"of {worlds['campaigns']} campaigns"
    )
    yield ""
    yield from _table(
        ("method", *_CAMPAIGNS, "honest suspended"),
        (
            (row["method"], *_campaigns(row), f"{row['suspended_honest']} of {row['accounts_honest']:,}")
            for row in tables["methods"][1:] or tables["methods"]
        ),
    )
    yield from _table(
        ("ours, by strategy", *_CAMPAIGNS), ((row["name"], *_campaigns(row)) for row in tables["strategies"])
    )
    yield from _table(
        ("honest", "accounts", "slowed or worse", "at most", "suspended", "at most"),
        (
            (
                row["kind"],
                count(row["accounts"]),
                *(cell for what in ("slowed", "suspended") for cell in _hit(row, what)),
            )
            for row in tables["honest"]
        ),
    )
    yield from _table(
        ("false discoveries", "stated", "came", "false subjects"),
        (
            (
                f"{row['subject']}s, {row['action']}",
                percent(row["stated"]),
                percent(row["came"]),
                f"{row['false']} of {row['subjects']}",
            )
            for row in tables["discoveries"]
        ),
    )
    yield from _table(
        ("innocent people who ask through", "people", "slowed", "refused"),
        (
            (row["through"], *(count(row[what]) for what in ("people", "slowed", "refused")))
            for row in tables["innocents"]
        ),
    )
    if tables["references"]:
        yield from _table(
            ("reference", *_CAMPAIGNS, "honest slowed", "suspended"),
            (
                (
                    f"{row['reference_accounts']:,} accounts, {row['reference_groups']} groups",
                    *_campaigns(row),
                    count(row["slowed_honest"]),
                    count(row["suspended_honest"]),
                )
                for row in tables["references"]
            ),
        )
    costs = {name: median(values) for name, values in tables["costs"].items()}
    yield (
        f"replay: {costs['per_processor_second']:,.0f} exchanges a second of one core, "
        f"peak {costs['peak_bytes'] / 1e9:.2f} GB, at most {costs['bytes_per_account'] / 1e3:.1f} KB an account"
    )


_CAMPAIGNS = ("found", "accounts suspended", "let through")


def _campaigns(row: Mapping[str, Any]) -> tuple[str, ...]:
    of = row["campaigns"]
    if of is None:
        return ("",) * len(_CAMPAIGNS)
    return f"{of['found']} of {of['campaigns']}", percent(of["suspended"]), percent(of.get("let_through"))


def _hit(row: Mapping[str, Any], what: str) -> tuple[str, str]:
    return count(row[what]), percent(row[f"{what}_upper"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as what is in them, the first to the left and the others to the right."""
    cells = [head, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first.strip().ljust(widths[0]), *others])
    yield ""
