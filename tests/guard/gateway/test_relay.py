"""What comes back through the gateway, from an upstream that behaves and from one that does not."""

import json
import time

import httpx2
import pytest

from tests.guard.gateway.conftest import Front
from tests.guard.stub import END, RESET, STALL, Step, chat_answer, chat_chunks, json_answer, sse, stream

HEAD = b"HTTP/1.1 200 Said\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
JSON_HEAD = b"HTTP/1.1 200 Said\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"


def test_an_answer_comes_back_as_it_is(front: Front) -> None:
    front.stub.script = lambda asked: json_answer(chat_answer("vier") | {"unknown": {"a": [1, 2.5, None]}})
    answer = front.ask(front.key(), {"unknown": "field", "temperature": 0.5})
    assert answer.status_code == 200 and answer.json()["unknown"] == {"a": [1, 2.5, None]}
    asked = front.stub.asked[-1]
    assert asked.body["model"] == "inner" and asked.body["unknown"] == "field" and asked.path == "/v1/chat/completions"
    assert "authorization" not in asked.headers
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert exchange.request["model"] == "served" and exchange.response == answer.json()
    assert exchange.usage["input_tokens"] == 10 and exchange.usage["output_tokens"] == 5 and exchange.status == 200


def test_a_stream_comes_back_byte_by_byte_and_without_waiting(front: Front) -> None:
    events = chat_chunks(["a ", "stream ", "of ", "words"])
    front.stub.script = lambda asked: stream(events, gap=0.1)
    begun, times, got = time.monotonic(), [], b""
    with front.client.stream(
        "POST",
        f"{front.gateway.url}/v1/chat/completions",
        json={"model": "served", "stream": True, "messages": []},
        headers={"authorization": f"Bearer {front.key()}"},
    ) as answer:
        for piece in answer.iter_raw():
            got += piece
            times.append(time.monotonic() - begun)
    assert got == b"".join(events)
    assert len(times) >= len(events) - 1 and times[-1] - times[0] > 0.1 * (len(events) - 2)
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert (
        exchange.response is not None and exchange.response["choices"][0]["message"]["content"] == "a stream of words"
    )
    assert exchange.request["stream"] is True and exchange.usage["output_tokens"] == 4


@pytest.mark.parametrize(
    ("steps", "status", "rule"),
    [
        ([RESET], 502, "upstream.reset"),
        ([END], 502, "upstream.reset"),
        ([b"no http\r\n\r\n"], 502, "upstream.malformed"),
        ([STALL], 504, "upstream.timeout"),
        ([JSON_HEAD, b'{"id":', END], 502, "upstream.truncated"),
        ([JSON_HEAD, b'{"id":', RESET], 502, "upstream.truncated"),
        ([JSON_HEAD, b'{"id":', STALL], 504, "upstream.timeout"),
        (json_answer(b"<html>not json</html>"), 502, "upstream.malformed"),
        (json_answer(b"[1, 2]"), 502, "upstream.malformed"),
        (json_answer(b"<html>", 503), 503, "upstream.overloaded"),
        (json_answer(b"<html>", 500), 502, "upstream.malformed"),
        (json_answer(b"no such path", 404), 404, "upstream.refused"),
        (json_answer({"error": {"message": "no such key"}}, 401), 502, "upstream.credentials"),
    ],
)
def test_a_faulty_upstream_is_an_error_in_the_clients_format(
    front: Front, steps: list[Step], status: int, rule: str
) -> None:
    front.stub.script = lambda asked: list(steps)
    key = front.key()
    answer = front.ask(key)
    assert (answer.status_code, answer.headers["stillhouse-rule"]) == (status, rule)
    assert answer.json()["error"]["code"] == rule
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert exchange.response is None and exchange.status == status and exchange.extra["rule"] == rule
    # The upstream is asked again by the next request, which finds it well.
    front.stub.script = lambda asked: json_answer(chat_answer())
    assert front.ask(key).status_code == 200


def test_an_upstreams_own_error_goes_through(front: Front) -> None:
    said = {"error": {"message": "context too long", "type": "invalid_request_error", "param": None, "code": "ctx"}}
    front.stub.script = lambda asked: json_answer(said, 400)
    answer = front.ask(front.key())
    assert answer.status_code == 400 and answer.json() == said
    assert front.gateway.exchange(answer.headers["x-request-id"]).extra["ended"] == "upstream_error"


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        ([END], "upstream.truncated"),
        ([RESET], "upstream.truncated"),
        ([STALL], "upstream.timeout"),
        ([b"0\r\n\r\n"], "upstream.truncated"),
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error_event(front: Front, end: list[Step], rule: str) -> None:
    events = chat_chunks(["a ", "b "])[:2]
    front.stub.script = lambda asked: [*stream(events, close=False), *end]
    answer = front.ask(front.key(), {"stream": True})
    assert answer.status_code == 200 and answer.content.startswith(b"".join(events))
    told = answer.content.removeprefix(b"".join(events))
    assert json.loads(told.partition(b"data: ")[2])["error"]["code"] == rule
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert (exchange.extra["ended"], exchange.extra["rule"]) == ("broken_off", rule)
    assert exchange.response is not None and exchange.response["choices"][0]["message"]["content"] == "a "


@pytest.mark.parametrize("end", [END, RESET])
def test_a_stream_that_breaks_off_within_an_event_is_cut(front: Front, end: Step) -> None:
    """As it would be without the gateway: what is put behind half an event becomes a part of it."""
    sent = b"".join(chat_chunks(["a ", "b "])[:2]) + b'data: {"id": "c1", "'
    front.stub.script = lambda asked: [HEAD, b"%x\r\n%s\r\n" % (len(sent), sent), end]
    got = b""
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        front.client.stream(
            "POST",
            f"{front.gateway.url}/v1/chat/completions",
            json={"model": "served", "stream": True, "messages": []},
            headers={"authorization": f"Bearer {front.key()}"},
        ) as answer,
    ):
        for piece in answer.iter_raw():
            got += piece
    assert got == sent
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert (exchange.extra["ended"], exchange.extra["rule"]) == ("broken_off", "upstream.truncated")
    assert not [line for line in front.gateway.lines if "ASGI" in str(line)]


def test_a_client_that_leaves_ends_the_upstreams_work(front: Front) -> None:
    front.stub.script = lambda asked: stream(chat_chunks(str(n) for n in range(200)), gap=0.05)
    with front.client.stream(
        "POST",
        f"{front.gateway.url}/v1/chat/completions",
        json={"model": "served", "stream": True, "messages": []},
        headers={"authorization": f"Bearer {front.key()}"},
    ) as answer:
        pieces = answer.iter_raw()
        while b'"content": "3"' not in next(pieces):
            pass
    assert front.stub.asked[-1].left.wait(2)
    exchange = front.gateway.exchange(answer.headers["x-request-id"])
    assert exchange.extra["ended"] == "client_gone" and exchange.status == 499
    assert exchange.usage["output_tokens"] > 0 and exchange.extra["usage_estimated"]


def test_a_client_that_leaves_before_the_first_byte_does_too(front: Front) -> None:
    front.stub.script = lambda asked: [STALL]
    key = front.key()
    with pytest.raises(httpx2.ReadTimeout):
        front.ask(key, timeout=0.3)
    assert front.stub.asked[-1].left.wait(2)


def test_a_client_that_leaves_before_the_first_event_has_used_what_was_reserved(front: Front) -> None:
    front.stub.script = lambda asked: [HEAD, STALL]
    name = front.account()
    with front.client.stream(
        "POST",
        f"{front.gateway.url}/v1/chat/completions",
        json={"model": "served", "stream": True, "messages": [], "max_tokens": 5000},
        headers={"authorization": f"Bearer {front.key_of(name)}"},
    ) as answer:
        id = answer.headers["x-request-id"]
    exchange = front.gateway.exchange(id)
    assert exchange.account == name and exchange.extra["usage_estimated"]
    assert exchange.usage["output_tokens"] == 5000 and exchange.usage["input_tokens"] > 10


def test_an_endless_event_is_given_up(front: Front) -> None:
    piece = b"%x\r\n%b\r\n" % (1 << 20, b"x" * (1 << 20))
    front.stub.script = lambda asked: [HEAD, *[piece] * 20, STALL]
    answer = front.ask(front.key("shut"), {"stream": True})
    assert b'"upstream.endless_event"' in answer.content


def test_an_error_event_of_the_upstream_goes_through(front: Front) -> None:
    told = sse({"error": {"message": "out of memory", "code": 500}})
    front.stub.script = lambda asked: stream([*chat_chunks(["a "])[:2], told, sse("[DONE]")])
    answer = front.ask(front.key(), {"stream": True})
    assert told in answer.content
    assert front.gateway.exchange(answer.headers["x-request-id"]).extra["ended"] == "upstream_error"


def test_a_first_piece_may_take_longer_than_the_later_ones(front: Front) -> None:
    events = chat_chunks(["late "])
    front.stub.script = lambda asked: [HEAD, 0.8, *stream(events)[1:]]
    answer = front.ask(front.key(), {"stream": True})
    assert answer.content == b"".join(events)


def test_an_upstream_that_breaks_off_in_the_middle_is_counted(front: Front) -> None:
    front.stub.script = lambda asked: [*stream(chat_chunks(["a "])[:2], close=False), STALL]
    front.ask(front.key(), {"stream": True})
    page = front.client.get(front.gateway.admin + "/metrics").text
    assert 'stillhouse_upstream_failures_total{kind="timeout",upstream="one"}' in page


def raw(status: int, *headers: bytes, body: bytes = b'{"id": "a", "choices": []}') -> list[Step]:
    head = b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n" % (status, len(body))
    return [head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body]


@pytest.mark.parametrize("status", [600, 999, 101])
def test_a_status_that_is_none_is_a_malformed_answer(front: Front, status: int) -> None:
    front.stub.script = lambda asked: raw(status, b"content-type: application/json")
    answer = front.ask(front.key())
    assert (answer.status_code, answer.headers["stillhouse-rule"]) == (502, "upstream.malformed")


def test_header_values_that_no_client_may_get_are_left_out(front: Front) -> None:
    front.stub.script = lambda asked: raw(200, b"content-type: application/json", b"x-bad: a\x01b", b"x-good: caf\xe9")
    answer = front.ask(front.key())
    assert answer.status_code in (200, 502) and "x-bad" not in answer.headers


@pytest.mark.parametrize("status", [204, 302])
def test_a_stream_with_a_status_that_has_no_body_is_none(front: Front, status: int) -> None:
    front.stub.script = lambda asked: raw(status, b"content-type: text/event-stream", body=b"")
    answer = front.ask(front.key(), {"stream": True})
    assert (answer.status_code, answer.headers["stillhouse-rule"]) == (502, "upstream.malformed")


def test_an_answer_that_nests_too_deep_is_malformed_and_leaves_the_log_readable(front: Front) -> None:
    deep = b'{"choices": ' + b"[" * 990 + b"]" * 990 + b"}"
    front.stub.script = lambda asked: raw(200, b"content-type: application/json", body=deep)
    answer = front.ask(front.key())
    assert answer.headers["stillhouse-rule"] == "upstream.malformed"
    twice = b'{"id": ' + b"[" * 990 + b"]" * 990 + b', "choices": [], "id": "a"}'
    front.stub.script = lambda asked: raw(200, b"content-type: application/json", body=twice)
    answer = front.ask(front.key())
    assert answer.status_code == 200
    assert front.gateway.exchange(answer.headers["x-request-id"]).response == {"id": "a", "choices": []}
