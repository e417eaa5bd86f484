"""Rows as the format has them: medians, quartiles, the machine beside them."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.__main__ import names, run
from bench.results import Row, machine, print_table, write


def test_a_row_holds_medians_and_quartiles() -> None:
    row = Row.of("speed", [10.0, 30.0, 20.0, 50.0, 40.0], [4.0, 6.0, 5.0], "tokens/s")
    assert (row.ours, row.ours_quartiles) == (30.0, (20.0, 40.0))
    assert (row.peer, row.peer_quartiles) == (5.0, (4.5, 5.5))
    assert (row.ratio, row.runs) == (6.0, 3)


def test_a_row_without_a_peer() -> None:
    row = Row.of("share of the matrix rate", [0.5, 0.5], None, "1")
    assert (row.peer, row.peer_quartiles, row.ratio, row.runs) == (None, None, None, 2)


def test_the_file_has_the_keys_of_the_format(tmp_path: Path) -> None:
    path = write("demo", [Row.of("speed", [2.0], [1.0], "tokens/s")], tmp_path / "results")
    assert path == tmp_path / "results" / "demo.json"
    content = json.loads(path.read_text())
    assert {"machine", "versions", "rows"} <= set(content)
    assert {"what": "speed", "ours": 2.0, "peer": 1.0, "unit": "tokens/s", "ratio": 2.0, "runs": 1}.items() <= (
        content["rows"][0].items()
    )
    assert content["machine"]["memory_bytes"] > 0 and content["machine"]["cores"] >= 1


def test_the_machine_is_read_from_cpuinfo(tmp_path: Path) -> None:
    text = (
        "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu avx2 amx_bf16 fma\n\nprocessor\t: 1\nmodel name\t: A CPU\n"
    )
    (tmp_path / "cpuinfo").write_text(text)
    found = machine(tmp_path / "cpuinfo")
    assert (found["cpu"], found["flags"]) == ("A CPU", ["avx2", "fma", "amx_bf16"])


def test_the_table_says_the_same() -> None:
    text = io.StringIO()
    rows = [Row.of("speed", [10.0, 20.0, 30.0], [5.0, 5.0], "tokens/s"), Row.of("share", [0.25], None, "1")]
    print_table("demo", rows, Console(file=text, width=120))
    shown = text.getvalue()
    assert "20 [15, 25]" in shown and "5 [5, 5]" in shown and "4.00x" in shown and "0.25 [0.25, 0.25]" in shown


def test_every_comparison_says_what_it_is() -> None:
    assert all(line for line in names().values())
    assert "results" not in names()


def test_an_unknown_comparison_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonesuch"]) == 2
    assert capsys.readouterr().err.startswith("bench: no comparison 'nonesuch'; there is ")
    assert run([]) == 0
    assert capsys.readouterr().out.startswith("scripts/bench NAME")
