"""What calls met on their way, as a table: one row a kind of failure, the commonest first."""

from collections import Counter
from collections.abc import Iterable, Mapping

from rich.markup import escape
from rich.table import Table

from stillhouse.types import Exchange

__all__ = ["error_table", "failed_tries"]


def failed_tries(log: Iterable[Exchange]) -> Counter[str]:
    """Failed tries by kind over a log of calls: those of every part of a run, also of parts that were killed."""
    return Counter(str(exchange.extra["error"]["kind"]) for exchange in log if "error" in exchange.extra)


def error_table(name: str, errors: Mapping[str, int], calls: int) -> Table:
    """`errors` counts failed tries by kind; the last column is their share of all tries, answered `calls` included."""
    table = Table(title=f"Failed tries: {escape(name)}")
    table.add_column("kind")
    table.add_column("tries", justify="right")
    table.add_column("share", justify="right")
    tries = calls + sum(errors.values())
    for kind, count in sorted(errors.items(), key=lambda entry: (-entry[1], entry[0])):
        table.add_row(kind, f"{count:,}", f"{count / tries:.1%}")
    return table
