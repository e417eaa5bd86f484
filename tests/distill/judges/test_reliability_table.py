"""The table shows every measure, with its interval or the reason that there is none."""

import io

from rich.console import Console

from stillhouse.distill.judges.reliability import Measured
from stillhouse.distill.judges.reliability_table import reliability_table
from stillhouse.stats import Interval, PositionEffect


def test_rows() -> None:
    measured = [
        Measured(name="position bias", meaning="0 is none", value=Interval(0.1234, -0.05, 0.3, 40, "m")),
        Measured(name="list positions", meaning="equal", value=PositionEffect((1.5, 2.0, 2.5), 0.015, 12, 24, "m")),
        Measured(name="length bias", meaning="0 is none", value=None, why="too few of 1 prompts"),
    ]
    console = Console(file=io.StringIO(), width=160)
    console.print(reliability_table("rubric by tiny", measured))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "How far rubric by tiny can be trusted" in text
    rows = [line for line in text.splitlines() if "bias" in line or "positions" in line]
    assert "0.123" in rows[0] and "-0.050 to 0.300" in rows[0] and "40" in rows[0]
    assert "1.50 2.00 2.50" in rows[1] and "p = 0.015" in rows[1] and "12" in rows[1]
    assert "0 is none" in text and "not measured: too few of 1" in text
