"""Reading logs: files, folders, clocks that are wrong, fields that are absent."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.reference.said import Listener
from stillhouse.guard.replay.finding import find_logs
from stillhouse.guard.replay.reading import Logs
from stillhouse.records import ExchangeLog, RejectedLines
from stillhouse.types import Exchange
from tests.guard.detection import KEY, MINUTE, exchange

EXTRACTOR = Extractor(KEY, np.ones(BUCKETS, np.float32))


def write(path: Path, exchanges: list[Exchange]) -> Path:
    with ExchangeLog(path) as log:
        log.extend(exchanges)
    return path


def at(id: str, time: str) -> Exchange:
    return exchange(id, f"2026-07-{time}Z", "a", "one two three four")


def test_files_are_merged_in_the_order_of_time(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [at("1", "20T00:00:00"), at("3", "20T00:02:00")])
    write(tmp_path / "b.jsonl", [at("2", "20T00:01:00"), at("4", "20T00:03:00")])
    logs = Logs(find_logs([tmp_path]), 10 * MINUTE)
    assert [row.id for row in logs.rows(EXTRACTOR)] == ["1", "2", "3", "4"]


def test_copies_of_one_exchange_under_two_accounts_are_read(tmp_path: Path) -> None:
    """One of which weighs in the first reading, the other does not."""
    copies = [exchange("1", "2026-07-20T00:00:00Z", f"a{number}", "one two") for number in range(20)]
    logs = Logs([write(tmp_path / "a.jsonl", copies)], 10 * MINUTE)
    assert {one.weighs for one in logs.rows(Listener(KEY))} == {True, False}


def test_a_clock_that_ran_ahead_is_set_aside_and_does_not_move_what_follows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [at("1", "20T00:00:00"), at("2", "25T00:00:00"), at("3", "20T00:01:00")])
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    logs = Logs([path], 10 * MINUTE, rejected)
    assert [row.id for row in logs.rows(EXTRACTOR)] == ["1", "3"]
    assert (logs.skewed, logs.late, rejected.count) == (1, 0, 1)
    with pytest.raises(RecordError, match=r"exchange 2: time .* \(clock skew\)"):
        list(Logs([path], 10 * MINUTE).rows(EXTRACTOR))


def test_faulty_lines_are_told_log_by_log(tmp_path: Path) -> None:
    """However the reader went to and fro between them."""
    for name, first in (("a", 0), ("b", 1)):
        path = write(
            tmp_path / f"{name}.jsonl", [at(f"{name}{second}", f"20T00:00:0{second}") for second in range(first, 9, 2)]
        )
        path.write_text(path.read_text().replace("\n", "\nno json\n"))
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    logs = Logs(find_logs([tmp_path]), 0, rejected)
    assert [row.id for row in logs.rows(EXTRACTOR)] == [f"{'ab'[second % 2]}{second}" for second in range(9)]
    places = [json.loads(line)["place"].rpartition("/")[2] for line in rejected.path.read_text().splitlines()]
    assert places == [f"a.jsonl:{line}" for line in (2, 4, 6, 8, 10)] + [f"b.jsonl:{line}" for line in (2, 4, 6, 8)]
    assert rejected.count == 9 and sorted(path.name for path in tmp_path.iterdir())[2:] == ["rejected.jsonl"]


def test_a_pause_of_days_is_no_wrong_clock(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [at("1", "20T00:00:00"), at("2", "25T00:00:00"), at("3", "25T00:01:00")])
    logs = Logs([path], 10 * MINUTE)
    assert [row.id for row in logs.rows(EXTRACTOR)] == ["1", "2", "3"]


def test_what_no_exchange_had_is_named(tmp_path: Path) -> None:
    one = exchange("1", "2026-07-20T00:00:00Z", "a", "one two three four", client={"ip": "198.51.100.7"})
    logs = Logs([write(tmp_path / "a.jsonl", [one])], 0)
    list(logs.rows(EXTRACTOR))
    assert "client.ip" not in logs.absent
    assert {"client.ja4", "registration.payment", "client.user_agent", "registration.plan", "response"} <= logs.absent
    answered = replace(one, response={"choices": []}, registration={"plan": "pro"})
    logs = Logs([write(tmp_path / "b.jsonl", [answered])], 0)
    list(logs.rows(EXTRACTOR))
    assert logs.absent.isdisjoint({"response", "registration.plan"})


@pytest.mark.parametrize(
    ("api", "request_body"),
    [
        ("chat.completions", {}),
        ("chat.completions", {"messages": []}),
        ("chat.completions", {"messages": [7]}),
        ("chat.completions", {"messages": [{"role": "user", "content": None}]}),
        ("responses", {"messages": [{"role": "user", "content": "hello"}]}),
    ],
)
def test_requests_without_text_that_can_be_read_are_counted(api: Any, request_body: Any, tmp_path: Path) -> None:
    silent = replace(at("1", "20T00:00:00"), api=api, request=request_body)
    logs = Logs([write(tmp_path / "a.jsonl", [silent])], 0)
    list(logs.rows(EXTRACTOR))
    assert logs.textless == 1 and "request text" in logs.absent


def test_text_may_be_instructions_withheld_or_in_parts(tmp_path: Path) -> None:
    one = at("1", "20T00:00:00")
    said = [
        one.request,
        {"messages": [{"role": "user", "content": None, "scaffold": "9c11"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
        {"system": "Be brief", "messages": []},
    ]
    logs = Logs([write(tmp_path / "a.jsonl", [replace(one, request=body) for body in said])], 0)
    list(logs.rows(EXTRACTOR))
    assert (logs.exchanges, logs.textless) == (4, 0) and "request text" not in logs.absent


def test_a_value_that_cannot_be_used_is_absent(tmp_path: Path) -> None:
    one = replace(at("1", "20T00:00:00"), registration={"created": "long ago", "plan": ""}, client={"ip": ""})
    logs = Logs([write(tmp_path / "a.jsonl", [one])], 0)
    list(logs.rows(EXTRACTOR))
    assert {"registration.created", "registration.plan", "client.ip"} <= logs.absent
    dated = replace(one, registration={"created": "2026-07-01T00:00:00Z"})
    logs = Logs([write(tmp_path / "b.jsonl", [dated])], 0)
    list(logs.rows(EXTRACTOR))
    assert "registration.created" not in logs.absent


def test_accounts_that_are_left_out_are_passed_over_and_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [at("1", "20T00:00:00"), exchange("2", "2026-07-20T00:00:01Z", "b", "five six")])
    logs = Logs([path], 0, without=frozenset(("b", "c")))
    assert [one.id for one in logs.rows(Listener(KEY))] == [row.id for row in logs.rows(EXTRACTOR)] == ["1"]
    assert logs.exchanges == 1 and logs.left_out == {"b"}
