"""The process: its config read again, its end, its faults at the start, its upstreams changing places."""

import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from stillhouse.guard.access.entities import Account, Organisation
from tests.command import Command
from tests.guard.running import Running, config_of, running
from tests.guard.stub import END, RESET, STALL, Asked, Step, Stub, chat_answer, chat_chunks, json_answer, stream

BODY = {"model": "served", "messages": [{"role": "user", "content": "hello"}]}


def key_for(gateway: Running) -> str:
    with gateway.state() as state:
        state.registry.create_organisation(Organisation(id="org"))
        state.registry.create_account(Account(id="acct", organisation="org"))
        secret: str = state.registry.create_key("acct").secret
    gateway.wait_for(secret)
    return secret


def ask(gateway: Running, key: str, **body: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json=BODY | body, headers=headers, timeout=20)


def rewrite(gateway: Running, **changes: Any) -> None:
    config = yaml.safe_load(gateway.config.read_text(encoding="utf-8"))
    gateway.config.write_text(yaml.safe_dump(config | changes), encoding="utf-8")


def test_a_reload_changes_new_requests_and_no_running_stream(tmp_path: Path) -> None:
    events = chat_chunks(str(number) for number in range(20))
    with (
        Stub(lambda asked: stream(events, gap=0.05)) as stub,
        running(tmp_path, stub.url) as gateway,
    ):
        key = key_for(gateway)
        found: list[bytes] = []
        running_one = threading.Thread(target=lambda: found.append(ask(gateway, key, stream=True).content))
        running_one.start()
        time.sleep(0.3)
        rewrite(gateway, plans={"default": {"policy": {"seed": "refuse"}}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_said("config reloaded")
        assert ask(gateway, key, seed=1).headers["stillhouse-rule"] == "policy.seed"
        running_one.join()
        assert found == [b"".join(events)]
        with gateway.state() as state:
            from stillhouse.guard.ledger.listing import list_entries

            assert len(list_entries(state.engine, kind="policy.changed")) == 2


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"plans": {"default": {"policy": {"sede": "refuse"}}}}, "unknown key 'plans.default.policy.sede'"),
    ({"models": [{"name": "served", "upstreams": ["two"]}]}, "names upstream 'two'"),
    ({"upstreams": [{"name": "one", "base_url": "http://a", "key_env": "STILLHOUSE_NO_KEY"}]}, "STILLHOUSE_NO_KEY"),
    ({"access": {"ip_deny": ["10.0.0.0/33"]}}, "10.0.0.0/33"),
    ({"blobs": {"keys": "nowhere.key"}}, "nowhere.key"),
]


def test_a_faulty_config_changes_nothing(tmp_path: Path, command: Command) -> None:
    with Stub(lambda asked: json_answer(chat_answer())) as stub, running(tmp_path, stub.url) as gateway:
        key = key_for(gateway)
        sound = gateway.config.read_text(encoding="utf-8")
        fixed: tuple[dict[str, Any], str] = {"listen": {"port": 1}}, "'listen' changed, which a reload cannot apply"
        for changes, said in [*FAULTS, fixed]:
            gateway.config.write_text(sound, encoding="utf-8")
            rewrite(gateway, **changes)
            answer = httpx2.post(f"{gateway.admin}/v1/reload")
            assert answer.status_code == 422 and said in answer.text and "\n" not in answer.json()["error"]["message"]
            if changes is not fixed[0]:
                assert said in command("guard", "check", "--config", gateway.config).fault
        gateway.signal(signal.SIGHUP)
        assert fixed[1] in str(gateway.wait_said("config not reloaded"))
        assert ask(gateway, key).status_code == 200


def test_sigterm_lets_running_answers_end(tmp_path: Path) -> None:
    events = chat_chunks(str(number) for number in range(20))
    with Stub(lambda asked: stream(events, gap=0.05)) as stub, running(tmp_path, stub.url) as gateway:
        key = key_for(gateway)
        found: list[bytes] = []
        one = threading.Thread(target=lambda: found.append(ask(gateway, key, stream=True).content))
        one.start()
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(gateway.url + "/readyz")
        one.join()
        assert found == [b"".join(events)] and gateway.stop() == 0
        assert len(gateway.exchanges()) == 1 and "ended" not in gateway.exchanges()[0].extra


def test_another_upstream_takes_over(tmp_path: Path) -> None:
    with (
        Stub(lambda asked: [RESET]) as broken,
        Stub(lambda asked: json_answer(chat_answer("from two"))) as well,
        running(
            tmp_path,
            broken.url,
            upstreams=[
                {"name": "one", "base_url": broken.url, "weight": 1000, "health": {"failures": 2, "rest_seconds": 60}},
                {"name": "two", "base_url": well.url},
                {"name": "dead", "base_url": "http://127.0.0.1:9/v1", "weight": 1000},
            ],
            models=[{"name": "served", "upstreams": ["one", "two", "dead"]}],
        ) as gateway,
    ):
        key = key_for(gateway)
        answers = [ask(gateway, key) for _ in range(30)]
        assert {answer.status_code for answer in answers} == {200} and "from two" in answers[0].text
        # Both broken ones rest after a few failures and are asked no more.
        assert len(broken.asked) <= 4
        page = httpx2.get(gateway.admin + "/metrics").text
        assert 'stillhouse_upstream_resting{upstream="one"} 1.0' in page
        assert 'stillhouse_upstream_resting{upstream="two"} 0.0' in page


def test_an_overloaded_upstream_hands_over_and_the_last_answer_goes_through(tmp_path: Path) -> None:
    full = {"error": {"message": "full", "type": "rate_limit", "param": None, "code": None}}
    with (
        Stub(lambda asked: json_answer(full, 429, {"retry-after": "7"})) as stub,
        running(
            tmp_path,
            stub.url,
            upstreams=[{"name": "one", "base_url": stub.url}, {"name": "two", "base_url": stub.url}],
            models=[{"name": "served", "upstreams": ["one", "two"]}],
        ) as gateway,
    ):
        answer = ask(gateway, key_for(gateway))
        assert answer.status_code == 429 and answer.json() == full and answer.headers["retry-after"] == "7"
        assert len(stub.asked) == 2


def test_a_probe_finds_an_upstream_well_again(tmp_path: Path) -> None:
    with (
        Stub(lambda asked: json_answer({}) if asked.method == "GET" else [RESET]) as stub,
        running(
            tmp_path,
            stub.url,
            upstreams=[
                {
                    "name": "one",
                    "base_url": stub.url,
                    "health": {"path": "/health", "every_seconds": 0.3, "failures": 1, "rest_seconds": 3600},
                }
            ],
        ) as gateway,
    ):
        key = key_for(gateway)
        assert ask(gateway, key).status_code == 502
        for _ in range(100):
            if 'resting{upstream="one"} 0.0' in httpx2.get(gateway.admin + "/metrics").text:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the probe did not help")
        assert any(asked.path == "/health" for asked in stub.asked)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": {"database": "postgresql+pg8000://nobody@127.0.0.1:9/x"}}, "state.database"),
        ({"state": {"counters": "memcached://x"}}, "state.counters"),
        ({"admin": {"host": "0.0.0.0"}}, "set admin.token_env"),
        ({"log": {"privacy": "scaffold"}}, "scaffold"),
        ({"access": {"country_database": "none.mmdb"}}, "none.mmdb"),
        ({"upstreams": []}, "upstreams"),
        ({"detect": {"reference": "nowhere"}}, "detect.reference: "),
        ({"log": {"folder": "/proc/nope"}}, "log.folder: /proc/nope: No such file or directory"),
        ({"log": {"folder": "guard.yaml"}}, "log.folder: "),
        ({"state": {"database": "sqlite:///nowhere/guard.db"}}, "nowhere/guard.db: cannot be opened"),
        ({"state": {"database": "sqlite:////proc/guard.db"}}, "/proc/guard.db: cannot be opened"),
        *FAULTS,
    ],
)
def test_a_config_that_cannot_start_is_one_line(
    tmp_path: Path, command: Command, changes: dict[str, Any], said: str
) -> None:
    config = tmp_path / "guard.yaml"
    config.write_text(yaml.safe_dump(config_of("http://127.0.0.1:9/v1", **changes)), encoding="utf-8")
    assert said in command("guard", "serve", "--config", config).fault
    assert said in command("guard", "check", "--config", config).fault
    assert list(tmp_path.iterdir()) == [config]


def test_a_check_leaves_nothing_behind(tmp_path: Path, command: Command) -> None:
    config = tmp_path / "guard.yaml"
    config.write_text(yaml.safe_dump(config_of("http://127.0.0.1:9/v1")), encoding="utf-8")
    assert command("guard", "check", "--config", config).out == f"{config} can be served: served\n"
    assert list(tmp_path.iterdir()) == [config]


def test_what_runs_too_long_is_told_that_the_gateway_stops(tmp_path: Path) -> None:
    def script(asked: Asked) -> list[Step]:
        return stream(chat_chunks(str(n) for n in range(400)), gap=0.05) if asked.body.get("stream") else [STALL]

    with Stub(script) as stub, running(tmp_path, stub.url, drain_seconds=0.5) as gateway:
        key = key_for(gateway)
        found: dict[bool, httpx2.Response] = {}

        def one(streamed: bool) -> None:
            found[streamed] = ask(gateway, key, stream=streamed)

        asking = [threading.Thread(target=one, args=(streamed,)) for streamed in (True, False)]
        for thread in asking:
            thread.start()
        time.sleep(0.5)
        assert gateway.stop() == 0
        for thread in asking:
            thread.join()
        assert found[False].status_code == 503 and found[False].json()["error"]["code"] == "gateway.draining"
        assert b'"gateway.draining"' in found[True].content
        assert {exchange.extra["rule"] for exchange in gateway.exchanges()} == {"gateway.draining"}


def test_what_cannot_be_recorded_is_not_complete(tmp_path: Path) -> None:
    """The log's folder goes away under a gateway that must have each answer on disk before its end."""
    events = chat_chunks(str(number) for number in range(10))

    def script(asked: Asked) -> list[Step]:
        if asked.body.get("seed") == 1:
            return [*stream(events[:5], gap=0.05, close=False), END]
        return stream(events, gap=0.05) if asked.body.get("stream") else [0.5, *json_answer(chat_answer())]

    with Stub(script) as stub, running(tmp_path, stub.url, log={"fsync": "always"}) as gateway:
        key = key_for(gateway)
        assert ask(gateway, key).status_code == 200
        found: dict[str, httpx2.Response] = {}
        asking = [
            threading.Thread(target=lambda: found.update(whole=ask(gateway, key))),
            threading.Thread(target=lambda: found.update(streamed=ask(gateway, key, stream=True))),
            threading.Thread(target=lambda: found.update(broken=ask(gateway, key, stream=True, seed=1))),
        ]
        for thread in asking:
            thread.start()
        time.sleep(0.2)
        shutil.move(tmp_path / "exchanges", tmp_path / "elsewhere")
        for thread in asking:
            thread.join()
        assert found["whole"].status_code == 503 and found["whole"].headers["stillhouse-rule"] == "log.unavailable"
        assert b"[DONE]" not in found["streamed"].content and b'"log.unavailable"' in found["streamed"].content
        # What was broken off promises nothing, and its client hears of that and not of our disk.
        assert b'"upstream.truncated"' in found["broken"].content
        assert "exchange log cannot be written" in str(gateway.lines)
        assert httpx2.get(gateway.url + "/readyz").status_code == 503
        assert ask(gateway, key).headers["stillhouse-rule"] == "log.unavailable"
        shutil.move(tmp_path / "elsewhere", tmp_path / "exchanges")
        for _ in range(200):
            if httpx2.get(gateway.url + "/readyz").status_code == 200:
                break
            time.sleep(0.05)
        assert ask(gateway, key).status_code == 200
