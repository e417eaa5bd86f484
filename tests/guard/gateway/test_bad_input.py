"""Whatever a client sends gets the right 4xx in its own format and is counted; the gateway's own fault it never is."""

import json

import httpx2
import pytest

from tests.guard.gateway.conftest import Front
from tests.guard.stub import chat_answer, json_answer

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def key(front: Front) -> str:
    front.stub.script = lambda asked: json_answer(chat_answer())
    return front.key()


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("body", "status", "rule", "param"),
    [
        (b"", 400, "body.not_json", None),
        (b"{", 400, "body.not_json", None),
        (b'{"model": "served", "messages": [}', 400, "body.not_json", None),
        (b'{"model": "\xff\xfe"}', 400, "body.not_json", None),
        (b'{"model": "\\ud800"}', 400, "body.not_json", None),
        (b'{"model": NaN}', 400, "body.not_json", None),
        (b'"served"', 400, "body.not_object", None),
        (b"[" * 100_000, 400, "body.not_json", None),
        (b'{"model": "served", "messages": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "body.too_deep", None),
        (b'{"messages": []}', 400, None, "model"),
        (b'{"model": 7, "messages": []}', 400, None, "model"),
        (b'{"model": "served"}', 400, None, "messages"),
        (b'{"model": "served", "messages": [], "stream": "yes"}', 400, None, "stream"),
        (b'{"model": "served", "messages": [], "max_tokens": -5}', 400, None, "max_tokens"),
        (b'{"model": "nobody", "messages": [], "max_tokens": 5}', 404, "model.unknown", "model"),
        (b'{"model": "served", "x": "' + b"y" * 100_001 + b'"}', 413, "body.too_large", None),
    ],
)
def test_a_body_that_cannot_be_served(
    front: Front, key: str, path: str, body: bytes, status: int, rule: str | None, param: str | None
) -> None:
    headers = JSON | {"authorization": f"Bearer {key}"}
    answer = front.client.post(front.gateway.url + path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert rule in (None, answer.headers["stillhouse-rule"])
    if path == CHAT:
        assert error["code"] == answer.headers["stillhouse-rule"] and error["param"] == param
    else:
        assert answer.json()["type"] == "error" and error["type"].endswith(("_error", "_large"))
        assert answer.headers["request-id"] == answer.json()["request_id"]


def test_a_long_body_is_refused_before_it_is_read(front: Front, key: str) -> None:
    def endless() -> object:
        for _ in range(1000):
            yield b"x" * 100_000

    headers = JSON | {"authorization": f"Bearer {key}"}
    answer = front.client.post(front.gateway.url + CHAT, content=endless(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "body.too_large"


def test_a_hundred_megabytes_are_refused_by_their_length(front: Front, key: str) -> None:
    headers = JSON | {"authorization": f"Bearer {key}"}
    answer = front.client.post(front.gateway.url + CHAT, content=b"x" * 100_000_000, headers=headers)
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_given_up(front: Front, key: str) -> None:
    import socket

    port = int(front.gateway.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\ncontent-length: 50\r\n\r\n{{"
        connection.sendall(head.encode())
        connection.settimeout(5)
        answer = connection.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 408") and b"body.slow" in answer


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", CHAT, 405, "POST"),
        ("PUT", MESSAGES, 405, "POST"),
        ("POST", "/v1/models", 405, "GET"),
        ("HEAD", CHAT, 405, "POST"),
        ("GET", "/v1/nothing", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/v1/responses/resp_123", 404, None),
    ],
)
def test_paths_and_methods(front: Front, key: str, method: str, path: str, status: int, allow: str | None) -> None:
    request = httpx2.Request(method, front.gateway.url + "/x", headers={"authorization": f"Bearer {key}"})
    request.url = httpx2.URL(front.gateway.url, path=path)
    answer = front.client.send(request)
    assert answer.status_code == status and answer.headers.get("allow") == allow
    if method != "HEAD":
        assert json.loads(answer.content)["error"]["message"]


def test_a_compressed_body_is_refused(front: Front, key: str) -> None:
    headers = JSON | {"authorization": f"Bearer {key}", "content-encoding": "gzip"}
    answer = front.client.post(front.gateway.url + CHAT, content=b"\x1f\x8b", headers=headers)
    assert answer.status_code == 415 and answer.json()["error"]["code"] == "body.encoding"


def test_a_key_given_twice_means_the_same_to_the_upstream(front: Front, key: str) -> None:
    body = b'{"model": "served", "seed": 1, "messages": [], "se\\u0065d": 2, "model": "served"}'
    answer = front.client.post(
        front.gateway.url + CHAT, content=body, headers=JSON | {"authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 200
    raw = front.stub.asked[-1].raw
    assert raw.count(b'"seed"') == 1 and raw.count(b'"model"') == 1 and front.stub.asked[-1].body["seed"] == 2


def test_every_refusal_is_counted_and_none_is_ours(front: Front, key: str) -> None:
    front.ask(key, {"model": "nobody"})
    page = front.client.get(front.gateway.admin + "/metrics").text
    assert 'stillhouse_refusals_total{rule="model.unknown"}' in page
    assert 'stillhouse_refusals_total{rule="internal"}' not in page
