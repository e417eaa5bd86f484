"""The log of calls: ids that sort, lines that say what was asked, sums that go on where an earlier part ended."""

from pathlib import Path
from random import Random

import pytest

from stillhouse.errors import RecordError
from stillhouse.models.call_log import CallLog, ulid
from stillhouse.models.connection import Try
from stillhouse.models.endpoint import EndpointSettings, Prices
from stillhouse.models.spending import Spending
from stillhouse.records import ExchangeLog

SETTINGS = EndpointSettings(base_url="http://host/v1", prices=Prices(input=1e6, output=2e6))
USAGE = {"input_tokens": 3, "output_tokens": 2}
MOST = {"input_tokens": 90, "output_tokens": 8}


def log(path: Path | None) -> CallLog:
    return CallLog(
        path, account="a", model="m", settings=SETTINGS, user_agent="u", random=Random(0), clock=lambda: 1_800_000_000.5
    )


def test_ulids_sort_by_time_and_are_those_of_the_specification() -> None:
    assert ulid(1469918176.385, Random(0)).startswith("01ARYZ6S41")  # the example of the specification
    ids = [ulid(float(second), Random(second)) for second in range(0, 4000, 7)]
    assert ids == sorted(ids) and len(set(ids)) == len(ids) and {len(one) for one in ids} == {26}


def test_a_line_says_all(tmp_path: Path) -> None:
    calls = log(tmp_path / "new" / "log.jsonl")
    calls.open()
    calls.add({"model": "m"}, Try(kind="", status=200, body={"b": 1}), USAGE, MOST, 1_800_000_000.25, 2)
    calls.add({"model": "m"}, Try(kind="HTTP 500", status=500, message="oops"), {}, MOST, 1_800_000_000.0, 0)
    calls.close()
    first, second = ExchangeLog(tmp_path / "new" / "log.jsonl")
    assert (first.time, first.latency_ms, first.usage) == ("2027-01-15T08:00:00.500Z", 250.0, USAGE)
    assert first.extra == {"endpoint": "http://host/v1", "attempt": 2, "cost_usd": 7.0}
    assert (first.client, first.response, first.status) == ({"user_agent": "u"}, {"b": 1}, 200)
    assert (second.response, second.status, second.usage) == (None, 500, {})
    assert second.extra["error"] == {"kind": "HTTP 500", "message": "oops"}
    assert first.id != second.id


def test_a_second_part_goes_on_with_the_sum(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for part in (1, 2):
        calls = log(path)
        calls.open()
        calls.add({}, Try(kind="", status=200, body={}), USAGE, MOST, 0.0, 0)
        calls.close()
        assert calls.here == Spending(calls=1, input_tokens=3, output_tokens=2, usd=7.0)
        assert calls.total == Spending(calls=part, input_tokens=3 * part, output_tokens=2 * part, usd=7.0 * part)


def test_without_a_file_it_only_sums() -> None:
    calls = log(None)
    calls.open()
    calls.add({}, Try(kind="", status=200, body={}), USAGE, MOST, 0.0, 0)
    calls.close()
    assert calls.here == calls.total == Spending(calls=1, input_tokens=3, output_tokens=2, usd=7.0)


def test_one_process_writes_a_file(tmp_path: Path) -> None:
    first, second = log(tmp_path / "log.jsonl"), log(tmp_path / "log.jsonl")
    first.open()
    with pytest.raises(RecordError, match="another process is writing to it"):
        second.open()
    first.close()


def test_an_answer_that_does_not_tell_its_usage_counts_as_the_most(tmp_path: Path) -> None:
    calls = log(tmp_path / "log.jsonl")
    calls.open()
    calls.add({}, Try(kind="", status=200, body={}), {}, MOST, 0.0, 0)
    calls.close()
    [exchange] = ExchangeLog(tmp_path / "log.jsonl")
    assert exchange.usage == MOST and exchange.extra["usage_estimated"] is True
    assert calls.total == Spending(calls=1, input_tokens=90, output_tokens=8, usd=106.0)


def test_an_answer_of_no_use_counts_as_what_it_tells_or_as_the_most(tmp_path: Path) -> None:
    calls = log(tmp_path / "log.jsonl")
    calls.open()
    for told in (USAGE, {}):
        calls.add({}, Try(kind="malformed body", status=200, body={"b": 1}, message="m"), told, MOST, 0.0, 0)
    calls.close()
    billed, untold = ExchangeLog(tmp_path / "log.jsonl")
    assert (billed.response, billed.usage, billed.extra["cost_usd"]) == ({"b": 1}, USAGE, 7.0)
    assert (untold.response, untold.usage, untold.extra["cost_usd"]) == ({"b": 1}, MOST, 106.0)
    assert billed.extra["error"] == untold.extra["error"] == {"kind": "malformed body", "message": "m"}
    assert "usage_estimated" not in billed.extra and untold.extra["usage_estimated"] is True
    assert calls.total == Spending(calls=0, input_tokens=93, output_tokens=10, usd=113.0)


def test_a_try_that_was_not_served_costs_nothing(tmp_path: Path) -> None:
    calls = log(tmp_path / "log.jsonl")
    calls.open()
    calls.add({}, Try(kind="connection refused"), {}, MOST, 0.0, 0)
    calls.add({}, Try(kind="stall"), {}, MOST, 0.0, 1)
    calls.close()
    refused, stalled = ExchangeLog(tmp_path / "log.jsonl")
    assert not refused.usage and not {"cost_usd", "usage_estimated"} & refused.extra.keys()
    assert (stalled.response, stalled.status, stalled.usage) == (None, 0, MOST)
    assert calls.total == Spending(calls=0, input_tokens=90, output_tokens=8, usd=106.0)
