"""Whole imports: what is written, what is counted, and that nothing stays behind after a fault."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from stillhouse.cli.guard_ingest import ingest
from stillhouse.errors import ConfigError, RecordError, RunFolderError, StillhouseError, StorageError
from stillhouse.guard.ingest.importing import FORMATS, import_logs
from stillhouse.records import ExchangeLog
from tests.guard.ingest.samples import (
    access_line,
    answered_line,
    asked_line,
    attributes,
    flat_span,
    otlp,
    otlp_span,
    payload,
    spend_row,
    write_lines,
)
from tests.records.test_files import largest_file


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
@pytest.mark.parametrize(
    ("source", "lines", "account"),
    [
        ("litellm", [spend_row(), payload()], None),
        ("envoy", [access_line(), access_line(duration=3)], None),
        ("otel", [otlp(otlp_span(attributes())), flat_span(attributes())], None),
        ("openai-batch", [asked_line("a"), answered_line("a"), answered_line("b")], "=acct"),
    ],
)
def test_every_format(tmp_path: Path, source: str, lines: list[Any], account: str | None, suffix: str) -> None:
    out = tmp_path / f"log{suffix}"
    result = import_logs(source, [write_lines(tmp_path / "in", *lines)], out, account=account)
    written = list(ExchangeLog(out))
    assert result.exchanges == len(written) == 2 and result.rejected == 0
    assert names(tmp_path) == {"in", out.name}
    assert {exchange.extra["source"] for exchange in written} == {source}
    assert set(FORMATS) == {"litellm", "envoy", "otel", "openai-batch"}


def test_rows_are_counted_set_aside_and_dropped(tmp_path: Path) -> None:
    first = write_lines(
        tmp_path / "a.jsonl",
        spend_row(request_id="1", startTime="2026-07-24T08:00:02Z"),
        spend_row(request_id="2", startTime="2026-07-24T08:00:03Z"),
        spend_row(request_id="3", startTime="nonsense"),
        spend_row(call_type="aimage_generation"),
        spend_row(call_type="aspeech"),
        spend_row(call_type="aspeech"),
    )
    second = write_lines(
        tmp_path / "b.jsonl",
        spend_row(request_id="2", startTime="2026-07-24T08:00:03Z"),
        spend_row(request_id="4", startTime="2026-07-24T08:00:01Z"),
    )
    with second.open("a") as file:
        file.write('{"request_id": \n')
    out = tmp_path / "log.jsonl.zst"
    result = import_logs("litellm", [first, second], out)
    assert [exchange.id for exchange in ExchangeLog(out)] == ["1", "2", "4"]
    aside = [json.loads(line) for line in (tmp_path / "log.rejected.jsonl").read_text().splitlines()]
    assert [(one["place"], one["reason"].partition(";")[0]) for one in aside] == [
        (f"{first}:3", "field 'startTime' is 'nonsense'"),
        (f"{second}:3", "not JSON (unexpected end of data, column 15)"),
    ]
    assert json.loads(aside[0]["line"])["request_id"] == "3"
    assert result.as_dict() == {
        "log": str(out),
        "exchanges": 3,
        "duplicates": 1,
        "rejected": 2,
        "passed_over": {"call type aimage_generation": 1, "call type aspeech": 2},
        "first": "2026-07-24T08:00:01.000Z",
        "last": "2026-07-24T08:00:03.000Z",
        "back_in_time": 1,
        "rejected_lines": str(tmp_path / "log.rejected.jsonl"),
        "first_reason": f"{first}:3: {aside[0]['reason']}",
    }


def test_what_was_set_aside_can_be_mended_and_read_again(tmp_path: Path) -> None:
    import_logs(
        "litellm", [write_lines(tmp_path / "a", spend_row(), spend_row(user="", api_key=""))], tmp_path / "log.jsonl"
    )
    (aside,) = [json.loads(line) for line in (tmp_path / "log.rejected.jsonl").read_text().splitlines()]
    (tmp_path / "again").write_text(aside["line"] + "\n")
    result = import_logs("litellm", [tmp_path / "again"], tmp_path / "more.jsonl", account="team_id")
    assert result.exchanges == 1


def test_kinds_that_are_passed_over_are_not_counted_without_end(tmp_path: Path) -> None:
    lines = [spend_row(), *(spend_row(call_type=f"kind{number}") for number in range(30))]
    result = import_logs("litellm", [write_lines(tmp_path / "a", *lines)], tmp_path / "log.jsonl")
    assert len(result.passed_over) == 21 and result.passed_over["other kinds"] == 10


def test_nothing_is_sorted_or_held(tmp_path: Path) -> None:
    seen: list[str] = []
    path = write_lines(tmp_path / "a", *(spend_row(request_id=str(number)) for number in range(1200)))
    result = import_logs("litellm", [path], tmp_path / "log.jsonl", progress=seen.append)
    assert result.exchanges == 1200 and seen[-1] == "1,000 exchanges, 0 rows set aside"


def wrong_format(path: Path) -> dict[str, Any]:
    return {"source": "envoy", "files": [write_lines(path, spend_row())]}


FAULTS: list[tuple[Callable[[Path], dict[str, Any]], type[StillhouseError], str]] = [
    (
        wrong_format,
        RecordError,
        r"in: holds no model calls in format envoy; 1 rows passed over are 'a request to no model'$",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row(user="", api_key=""))]},
        RecordError,
        r"in: not one of 1 rows is an exchange of format litellm; .*in:1: no account",
    ),
    (lambda path: {"files": [write_lines(path)]}, RecordError, r"in: holds no rows; give a log of format litellm$"),
    (lambda path: {"files": [path.with_name("none")]}, RecordError, r"none: no such file"),
    (
        lambda path: {"files": [write_lines(path, spend_row(), spend_row(startTime="x"))], "strict": True},
        RecordError,
        r"in:2: field 'startTime' is 'x'",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "source": "litelm"},
        ConfigError,
        r"^format 'litelm': is not known; there are envoy, litellm, openai-batch, otel$",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "fields": ["account"]},
        ConfigError,
        r"^field 'account': expected OURS=THEIRS",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "fields": ["account=a"], "account": "b"},
        ConfigError,
        r"^field 'account': is given twice",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "fields": ["acount=a"]},
        ConfigError,
        r"did you mean 'account'",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "out": path.with_name("log.parquet")},
        RecordError,
        r"log.parquet: not a log by its name; --out must end in .jsonl or .jsonl.zst$",
    ),
    (
        lambda path: {"files": [write_lines(path, spend_row())], "out": path.parent / "none" / "log.jsonl"},
        StorageError,
        r"No such file or directory; make the folder first",
    ),
]


@pytest.mark.parametrize(("make", "kind", "line"), FAULTS)
def test_a_fault_is_one_line_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], dict[str, Any]], kind: type[StillhouseError], line: str
) -> None:
    given: dict[str, Any] = {"source": "litellm", "out": tmp_path / "log.jsonl", **make(tmp_path / "in")}
    before = names(tmp_path)
    with pytest.raises(kind, match=line) as caught:
        import_logs(given.pop("source"), given.pop("files"), given.pop("out"), **given)
    assert "\n" not in str(caught.value) and names(tmp_path) == before


@pytest.mark.parametrize("taken", ["log.jsonl", "log.rejected.jsonl"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, taken: str) -> None:
    path = write_lines(tmp_path / "in", spend_row())
    (tmp_path / taken).write_text("mine")
    with pytest.raises(RunFolderError, match=rf"{taken}: is there already; give a new --out, or remove it$"):
        import_logs("litellm", [path], tmp_path / "log.jsonl")
    assert (tmp_path / taken).read_text() == "mine" and names(tmp_path) == {"in", taken}


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in", *(spend_row(request_id=str(number)) for number in range(300)))
    with largest_file(100_000), pytest.raises(StorageError, match="while writing"):
        import_logs("litellm", [path], tmp_path / "log.jsonl")
    assert names(tmp_path) == {"in"}


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def stop(text: str) -> None:
        raise KeyboardInterrupt

    path = write_lines(tmp_path / "in", *(spend_row(request_id=str(number)) for number in range(1000)))
    with pytest.raises(KeyboardInterrupt):
        import_logs("litellm", [path], tmp_path / "log.jsonl", progress=stop)
    assert names(tmp_path) == {"in"}


def test_names_that_are_no_text_are_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"in-\xff")
    write_lines(path, spend_row(), spend_row(startTime="x"))
    import_logs("litellm", [path], tmp_path / "log.jsonl")
    assert "in-\\\\xff:2" in (tmp_path / "log.rejected.jsonl").read_text()


def run(*words: object) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(ingest)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "in", access_line(), access_line(), access_line(**{"user.id": None}), {"method": "GET"}
    )
    done = run("envoy", path, "--out", tmp_path / "log.jsonl", "--quiet")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:4] == [
        "1 exchanges, 1 duplicates dropped, 1 rows set aside",
        "from 2026-07-24T08:15:30.125Z to 2026-07-24T08:15:30.125Z",
        "passed over: a request to no model 1",
        f"log       {tmp_path / 'log.jsonl'}",
    ]
    done = run(
        "envoy", path, "--out", tmp_path / "b.jsonl", "--json", "--account==all", "--field", "ip==tok", "--quiet"
    )
    assert json.loads(done.stdout)["exchanges"] == 2
    assert {exchange.account for exchange in ExchangeLog(tmp_path / "b.jsonl")} == {"all"}


def test_the_command_says_a_fault_in_one_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in", access_line(**{"user.id": None}))
    done = run("envoy", path, "--out", tmp_path / "log.jsonl", "--strict", "--quiet")
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith(f"stillhouse: {path}:1: no account") and done.stderr.count("\n") == 1
