"""The stub and the load generator of the gateway bench do what they say, faults of a server included."""

import asyncio
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.gateway import rows_of
from bench.gateway_contestants import litellm, stillhouse
from bench.pinned import Pinned, busy_seconds, free_port
from bench.workers.gateway_load import Answer, Asked, Wrong, ask, request_bytes, stream
from bench.workers.gateway_stub import (
    StubProtocol,
    answers,
    event_scripts,
    model_name,
    text_of_answer,
    text_of_script,
    words,
)
from stillhouse.config import load
from stillhouse.guard.access.directory import Directory, digest_of
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import open_state

_ROOT = Path(__file__).parents[2]


@contextmanager
def serving(protocol: Callable[[], asyncio.Protocol]) -> Iterator[int]:
    """A server of such connections in a thread; its port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0.02))  # the ends of connections that clients closed
        loop.close()


class Fixed(asyncio.Protocol):
    """Answers whatever comes with the same bytes, or ends the connection where there are none."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.reply:
            self.transport.write(self.reply)
        else:
            self.transport.close()


def test_answers_are_chat_completions_of_one_kilobyte() -> None:
    assert {len(body) for body in answers()} == {len(answers()[0])}
    assert 900 < len(answers()[0]) < 1200
    assert len({*answers()}) == len(answers()) == 64
    assert text_of_answer(answers()[3]) == words(3, 720)


def test_a_script_has_as_many_events_as_asked_and_its_text() -> None:
    for number, script in enumerate(event_scripts(20)):
        assert len(script) == 20
        assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in script)
        assert text_of_script(b"".join(script)) == words(1000 + number, 16 * 6)
    with pytest.raises(ValueError, match="the stream ends with"):
        text_of_script(b"".join(event_scripts(20)[0][:-1]))


def test_requests_are_about_one_kilobyte_and_take_the_keys_in_turn() -> None:
    asked = Asked(1, keys=("sk-a", "sk-b"), events=7, apart=3)
    made = request_bytes(asked, 3, streamed=True)
    assert len({*made}) == len(made)
    head, body = made[0].split(b"\r\n\r\n")
    assert b"Authorization: Bearer sk-b\r\n" in head + b"\r\n"
    assert b"Content-Length: %d" % len(body) in head
    value = json.loads(body)
    assert value["model"] == model_name(7, 3) and value["stream"] is True
    assert 900 < len(body) < 1200


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_answer_is_read_from_pieces_of_any_size(size: int) -> None:
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    for sent in (plain, chunked):
        answer = Answer()
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert [answer.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert (answer.status, b"".join(answer.body), answer.begun) == (200, b"hello", True)


def test_a_head_alone_is_no_first_byte() -> None:
    answer = Answer()
    assert not answer.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    assert not answer.begun
    assert not answer.feed(b"5\r\nhe")
    assert answer.begun


@pytest.mark.parametrize(
    "sent",
    [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"],
    ids=["no HTTP", "no length", "too long"],
)
def test_what_is_no_answer_is_wrong(sent: bytes) -> None:
    with pytest.raises(Wrong):
        Answer().feed(sent)


def test_requests_are_counted_and_timed() -> None:
    with serving(StubProtocol) as port:
        seen = ask(Asked(port), 4, 60.0, 100, None)
        assert len(seen.times) == 100 and seen.seconds >= max(seen.times)
        assert len(seen.cores) == os.cpu_count() and min(seen.cores) >= 0
        assert 1 <= seen.at_once <= 4
        assert seen.summary()["answered"] == 100
        assert len(ask(Asked(port, whole=False), 4, 60.0, 10, None).times) == 10


def test_a_rate_is_kept_and_a_stall_is_charged_to_all_whom_it_kept_waiting() -> None:
    class Stalling(StubProtocol):
        stalled = False

        def data_received(self, data: bytes) -> None:
            if not Stalling.stalled:
                Stalling.stalled = True
                time.sleep(0.3)
            super().data_received(data)

    with serving(Stalling) as port:
        seen = ask(Asked(port), 2, 0.6, None, 100.0)
    assert len(seen.times) == 60
    # The first waits 0.3 s; those that were due meanwhile wait the rest, though only 2 connections could ask.
    assert sum(taken > 0.1 for taken in seen.times) >= 18


def test_streams_are_whole_and_spaced_by_the_clock() -> None:
    with serving(StubProtocol) as port:
        asked = Asked(port, events=10, apart=20)
        began = time.perf_counter()
        seen = stream(asked, 5, 0.05, 2)
        assert time.perf_counter() - began >= 2 * 9 * 0.02
        assert (len(seen.times), seen.at_once) == (10, 5)
        assert max(seen.times) < 0.15
        assert stream(Asked(port, whole=False, events=5, apart=1), 2, 0.0, 1).times[1:]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", "status 500, 2 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "status 200, 2 bytes"),
        (b"", "the connection ended"),
    ],
    ids=["error", "other bytes", "nothing"],
)
def test_a_wrong_answer_ends_the_run(reply: bytes, fault: str) -> None:
    with serving(lambda: Fixed(reply)) as port:
        with pytest.raises(Wrong, match=fault):
            ask(Asked(port), 1, 60.0, 1, None)
        with pytest.raises(Wrong, match=fault):
            stream(Asked(port), 1, 0.0, 1)


def test_a_pinned_server_has_one_core_and_its_time_is_counted(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    port = free_port()
    code = (
        "import os, socket, sys, time\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "print(sorted(os.sched_getaffinity(0)), flush=True)\n"
        "while time.process_time() < 0.3: pass\n"
        "time.sleep(60)\n"
    )
    before = busy_seconds()[core]
    with Pinned([sys.executable, "-c", code, str(port)], core, port, tmp_path / "log") as server:
        end = time.monotonic() + 30
        while server.cpu_seconds() < 0.29 and time.monotonic() < end:
            time.sleep(0.02)
        assert 0.29 <= server.cpu_seconds() < 1.0
        assert server.resident_bytes() > 1 << 20
    assert (tmp_path / "log").read_text() == f"[{core}]\n"
    assert busy_seconds()[core] - before >= 0.28
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass


def test_a_server_that_ends_at_once_is_named_with_what_it_said(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    server = Pinned([sys.executable, "-c", "raise SystemExit('broken here')"], core, free_port(), tmp_path / "log")
    with pytest.raises(RuntimeError, match="broken here"), server:
        pass


def test_the_bare_gateway_passes_on_the_very_bytes(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    port = free_port()
    with serving(StubProtocol) as upstream:
        command = [sys.executable, "-m", "bench.workers.gateway_floor", "--port", str(port)]
        command += ["--upstream", f"http://127.0.0.1:{upstream}"]
        with Pinned(command, core, port, tmp_path / "log", _ROOT):
            assert len(ask(Asked(port), 3, 60.0, 20, None).times) == 20
            assert len(stream(Asked(port, events=8, apart=2), 3, 0.0, 1).times) == 3


def test_litellm_is_told_all_models_and_no_key_is_on_its_command_line(tmp_path: Path) -> None:
    contestant = litellm(Path("/env/bin/python"), tmp_path / "l", 9, ["stub-5-1", "stub-6-1"], keys=2)
    config = json.loads((tmp_path / "l" / "config.yaml").read_text())
    assert [model["model_name"] for model in config["model_list"]] == ["stub-5-1", "stub-6-1"]
    assert config["model_list"][0]["litellm_params"]["api_base"] == "http://127.0.0.1:9/v1"
    assert config["general_settings"]["custom_auth"] == "litellm_auth.authenticate"
    assert contestant.keys is not None and len(contestant.keys.read_text().split()) == 2
    assert not any(argument.startswith("sk-") for argument in contestant.command)
    assert (tmp_path / "l" / "litellm_auth.py").is_file() and not contestant.whole


def test_stillhouse_is_ready_to_serve_with_keys_that_it_knows(tmp_path: Path) -> None:
    contestant = stillhouse(tmp_path / "s", 9, ["stub-5-1"], accounts=2)
    assert contestant.keys is not None and contestant.whole
    keys = contestant.keys.read_text().split()
    settings = load(GuardSettings, tmp_path / "s" / "guard.yaml", [])
    assert settings.listen.port == contestant.port
    # Every kind of limit on: a figure with one off would be another product's.
    assert None not in settings.plans["default"].account.model_dump().values()
    stillhouse(tmp_path / "t", 9, ["stub-5-1"], accounts=1, scopes=("key", "account", "organisation"))
    plan = load(GuardSettings, tmp_path / "t" / "guard.yaml", []).plans["default"]
    for limits in (plan.account, plan.organisation, plan.key):
        assert None not in limits.model_dump().values()
    assert settings.blobs.keys is not None and (tmp_path / "s" / settings.blobs.keys).is_file()
    assert (settings.log.privacy, settings.log.fsync) == ("full", "interval")
    with open_state(settings, tmp_path / "s", {}) as state:
        directory = Directory()
        directory.load(state.engine)
        known = [directory.key(digest_of(key)) for key in keys]
    assert [key.account if key else None for key in known] == ["account-0", "account-1"]


def test_rows_name_each_peer_that_was_measured_and_none_that_was_not() -> None:
    found = {
        ("cpu", "ours"): [300.0],
        ("cpu", "litellm"): [9000.0],
        ("cpu", "floor"): [150.0],
        ("slope", "ours"): [0.5],
    }
    rows = {row.what: row for row in rows_of(found, 100, 1000, 100_000)}
    everything = "CPU a request, with a key, all limits on the account, policy, sealing, log, metrics"
    assert sorted(rows) == [
        f"{everything}; peer: LiteLLM, master key",
        f"{everything}; peer: bare uvicorn and aiohttp",
        "its slope over their second half, for a thousand requests",
    ]
    assert [row.ratio for row in rows.values()] == [300 / 9000, 2.0, None]
