"""The table of failures: commonest first, shares of all tries."""

import io

from rich.console import Console

from stillhouse.models.error_table import error_table


def test_rows() -> None:
    table = error_table("served", {"stall": 2, "HTTP 429": 30, "HTTP 500": 2}, calls=166)
    assert [list(column.cells) for column in table.columns] == [
        ["HTTP 429", "HTTP 500", "stall"],
        ["30", "2", "2"],
        ["15.0%", "1.0%", "1.0%"],
    ]
    text = io.StringIO()
    Console(file=text, width=60).print(table)
    assert "Failed tries: served" in text.getvalue()


def test_nothing_failed() -> None:
    assert error_table("served", {}, calls=0).row_count == 0
