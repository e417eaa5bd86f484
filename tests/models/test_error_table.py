"""The table of failures: commonest first, shares of all tries."""

import io
from typing import Any

from rich.console import Console

from stillhouse.models.error_table import error_table, failed_tries
from stillhouse.types import Exchange


def test_rows() -> None:
    table = error_table("org/[m]", {"stall": 2, "HTTP 429": 30, "HTTP 500": 2}, calls=166)
    assert [list(column.cells) for column in table.columns] == [
        ["HTTP 429", "HTTP 500", "stall"],
        ["30", "2", "2"],
        ["15.0%", "1.0%", "1.0%"],
    ]
    text = io.StringIO()
    Console(file=text, width=60).print(table)
    assert "Failed tries: org/[m]" in text.getvalue()


def test_nothing_failed() -> None:
    assert error_table("served", {}, calls=0).row_count == 0


def test_tries_of_a_log_by_kind() -> None:
    def exchange(**extra: Any) -> Exchange:
        return Exchange(
            id="ex_1", time="2026-07-24T08:15:30Z", account="a", model="m", api="messages", request={}, extra=extra
        )

    log = [exchange(), exchange(error={"kind": "stall"}), exchange(attempt=1), exchange(error={"kind": "stall"})]
    assert failed_tries(log) == {"stall": 2}
