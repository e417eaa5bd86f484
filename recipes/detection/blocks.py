"""The bench's tables as text, for a terminal and for the pages that quote them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from recipes.detection.amounts import count, percent

__all__ = ["blocks"]


def blocks(tables: Mapping[str, Any]) -> Iterator[str]:
    """Every table of one text, with an empty line before each."""
    worlds = tables["worlds"]
    yield (
        f"{worlds['worlds']} world{'s' if worlds['worlds'] > 1 else ''}: {worlds['exchanges']:,} exchanges, "
        f"{worlds['honest_accounts']:,} honest accounts, {worlds['campaign_accounts']:,} accounts "
        f"of {worlds['campaigns']} campaigns"
    )
    yield _table(
        ("method", *_CAMPAIGNS, "honest suspended"),
        (
            (row["method"], *_campaigns(row), f"{row['suspended_honest']} of {row['accounts_honest']:,}")
            for row in tables["methods"][1:] or tables["methods"]
        ),
    )
    yield _table(("ours, by strategy", *_CAMPAIGNS), ((row["name"], *_campaigns(row)) for row in tables["strategies"]))
    yield _table(("ours, by pool", *_CAMPAIGNS), ((row["name"], *_campaigns(row)) for row in tables["pools"]))
    yield _table(
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
    yield _table(
        ("false discoveries", "stated", "came", "false subjects", "honest of accounts hit"),
        (
            (
                f"{row['subject']}s, {row['action']}",
                percent(row["stated"]),
                percent(row["came"]),
                f"{row['false']} of {row['subjects']}",
                f"{row['honest']:,} of {row['accounts']:,}",
            )
            for row in tables["discoveries"]
        ),
    )
    yield _table(
        ("innocent people who ask through", "people", "slowed", "refused"),
        (
            (row["through"], *(count(row[what]) for what in ("people", "slowed", "refused")))
            for row in tables["innocents"]
        ),
    )
    if tables["references"]:
        yield _table(
            ("references", *_CAMPAIGNS, "honest slowed", "suspended"),
            (
                (
                    "{} of {} accounts, {} groups".format(
                        *(count(row[what]) for what in ("references", "reference_accounts", "reference_groups"))
                    ),
                    *_campaigns(row),
                    count(row["slowed_honest"]),
                    count(row["suspended_honest"]),
                )
                for row in tables["references"]
            ),
        )
    costs = {name: median(values) for name, values in tables["costs"].items()}
    yield (
        f"\nreplay: {costs['per_processor_second']:,.0f} exchanges a second of one core, "
        f"peak {costs['peak_bytes'] / 1e9:.2f} GB, at most {costs['bytes_per_account'] / 1e3:.1f} KB an account"
    )


_CAMPAIGNS = ("found", "suspended: median", "mean", "let through: median", "mean")


def _campaigns(row: Mapping[str, Any]) -> tuple[str, ...]:
    of = row["campaigns"]
    if of is None:
        return ("",) * len(_CAMPAIGNS)
    shares = (of[how].get(what) for what in ("suspended", "let_through") for how in ("median", "mean"))
    return f"{of['found']} of {of['campaigns']}", *map(percent, shares)


def _hit(row: Mapping[str, Any], what: str) -> tuple[str, str]:
    return count(row[what]), percent(row[f"{what}_upper"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as what is in them, the first to the left and the others to the right."""
    cells = [head, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    told = [""]
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        told.append("  ".join([first.strip().ljust(widths[0]), *others]))
    return "\n".join(told)
