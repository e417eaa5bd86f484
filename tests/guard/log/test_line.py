"""One draft, one line: what is read back is what was given, and no body can break a line."""

import json

import orjson
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.line import LineMaker
from stillhouse.guard.log.privacy import Privacy
from stillhouse.records.exchange import exchange_from_record, exchange_to_record
from stillhouse.types import Exchange
from tests.guard.log.drafts import draft
from tests.guard.log.test_own_keys import KEY

FULL = LineMaker(Privacy("full", None))


def read(line: bytes) -> Exchange:
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    return exchange_from_record(json.loads(line), "line")


def test_every_field_comes_back() -> None:
    given = Draft(
        id="ex_1",
        time=1785000000.9996,
        account="acct_1",
        organisation="org_1",
        key="key_1",
        model="m",
        api="messages",
        request=b' {"a": 1.50, "text": "n\xc3\xa9 \\n"}\n',
        response={"b": None},
        usage={"input_tokens": 3},
        client={"ip": "::1", "asn": None},
        registration={"plan": "payg"},
        status=201,
        latency_ms=12.5,
        extra={"rule": "limit.x"},
    )
    line = FULL.line(given)
    # The bytes of a body are those that were sent: 1.50 stays 1.50.
    assert b'"request":{"a": 1.50, "text": "n\xc3\xa9 \\n"},' in line
    expected = Exchange(
        id="ex_1",
        time="2026-07-25T17:20:00.999Z",
        account="acct_1",
        organisation="org_1",
        key="key_1",
        model="m",
        api="messages",
        request={"a": 1.5, "text": "né \n"},
        response={"b": None},
        usage={"input_tokens": 3},
        client={"ip": "::1", "asn": None},
        registration={"plan": "payg"},
        status=201,
        latency_ms=12.5,
        extra={"rule": "limit.x"},
    )
    assert read(line) == expected
    assert list(json.loads(line)) == list(exchange_to_record(expected))


def test_what_is_absent_is_left_out_as_everywhere() -> None:
    record = json.loads(FULL.line(draft("ex_1", response=None, status=429)))
    assert record == exchange_to_record(read(FULL.line(draft("ex_1", response=None, status=429))))
    assert record["response"] is None and "usage" not in record and "latency_ms" not in record


def test_times_of_one_second_and_of_others() -> None:
    times = [0.0, 0.001, 0.9999, 1.0, 1785000000.125, 0.5]
    seen = [read(FULL.line(draft("ex_1", time=time))).time[10:] for time in times]
    assert seen == [
        "T00:00:00.000Z",
        "T00:00:00.001Z",
        "T00:00:00.999Z",
        "T00:00:01.000Z",
        "T17:20:00.125Z",
        "T00:00:00.500Z",
    ]


def test_line_breaks_between_tokens_do_not_break_the_line() -> None:
    pretty = orjson.dumps({"a": ["b\nc", {}]}, option=orjson.OPT_INDENT_2).replace(b"\n", b"\r\n")
    assert read(FULL.line(draft("ex_1", request=pretty))).request == {"a": ["b\nc", {}]}


@pytest.mark.parametrize("body", [b"", b"<html>\n</html>", b'["a"]', b'"a"', b"\xff{", b"null"])
def test_a_body_that_is_no_object_is_kept_as_text(body: bytes) -> None:
    assert read(FULL.line(draft("ex_1", response=body))).response == {"unreadable": body.decode(errors="replace")}


def test_half_a_surrogate_pair_and_long_integers_do_not_stop_the_log() -> None:
    line = FULL.line(draft("ex_1", client={"user_agent": "x\udcff"}, response={"n": 2**70}))
    exchange = read(line)
    assert exchange.client == {"user_agent": "x?"} and exchange.response == {"n": 2**70}
    assert exchange.request == read(FULL.line(draft("ex_1"))).request
    deep: dict[str, object] = {}
    for _ in range(300):
        deep = {"a": deep}
    assert read(FULL.line(draft("ex_1", response=deep))).response == deep


def test_what_json_has_no_form_for_is_named() -> None:
    with pytest.raises(RecordError, match=r"^exchange ex_1: cannot be written as JSON \(Object of type set"):
        FULL.line(draft("ex_1", client={"ip": {1}}))


@pytest.mark.parametrize("level", ["full", "scaffold", "none"])
def test_our_keys_are_written_at_no_level(level: str) -> None:
    maker = LineMaker(Privacy(level, b"k" * 16))  # type: ignore[arg-type]
    body = {"messages": [{"content": f"use {KEY}"}], "tools": [{"name": KEY, "function": {"name": KEY}}]}
    for given in (body, json.dumps(body).encode()):
        line = maker.line(draft("ex_1", request=given, response=given, client={"user_agent": KEY}, extra={"x": KEY}))
        assert KEY.encode() not in line and b"[key]" in line
        read(line)


def test_a_sentence_instead_of_a_model_is_content() -> None:
    reduced = LineMaker(Privacy("scaffold", b"k" * 16))
    for maker, model in ((FULL, "my secret plan"), (reduced, "unknown")):
        assert read(maker.line(draft("ex_1", model="my secret plan"))).model == model
    assert read(reduced.line(draft("ex_1", model="org/m-1:8b@v2"))).model == "org/m-1:8b@v2"


def test_a_reduced_record_names_its_level() -> None:
    exchange = read(LineMaker(Privacy("none", b"k" * 16)).line(draft("ex_1")))
    assert exchange.extra == {"privacy": "none"}
    assert exchange.request == {"messages": [{"role": "user", "content": None, "characters": 21}]}


def test_the_size_of_a_draft_counts_its_bodies() -> None:
    raw = draft("ex_1", request=b"x" * 5000, response=b"y" * 300)
    assert raw.size == 1024 + 5300
    assert draft("ex_1", request=b"x" * 5000, response={}, body_bytes=70_000).size == 1024 + 75_000
    assert draft("ex_1", request={}, response=None).size == 1024 + 4096
