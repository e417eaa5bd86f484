"""What calls met on their way, as a table: one row a kind of failure, the commonest first."""

from collections.abc import Mapping

from rich.table import Table

__all__ = ["error_table"]


def error_table(name: str, errors: Mapping[str, int], calls: int) -> Table:
    """`errors` counts failed tries by kind; the last column is their share of all tries, answered `calls` included."""
    table = Table(title=f"Failed tries: {name}")
    table.add_column("kind")
    table.add_column("tries", justify="right")
    table.add_column("share", justify="right")
    tries = calls + sum(errors.values())
    for kind, count in sorted(errors.items(), key=lambda entry: (-entry[1], entry[0])):
        table.add_row(kind, f"{count:,}", f"{count / tries:.1%}")
    return table
