"""`stillhouse guard serve` with a reference: what it finds while it serves, and what becomes of its detector."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil

from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.access.rows import next_version, put
from stillhouse.guard.gateway.record import draft_of_exchange
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.log.writer import ExchangeWriter
from stillhouse.guard.settings import LogSettings
from stillhouse.guard.state.open import State
from stillhouse.records import ExchangeLog
from stillhouse.types import Exchange
from tests.guard.gateway.test_process import ask, key_for
from tests.guard.running import Running, running
from tests.guard.stub import Stub, chat_answer, json_answer
from tests.guard.world import World

_DECISIONS = 7


def status(gateway: Running) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{gateway.admin}/v1/status").json()["detection"]
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def detector_of(gateway: Running) -> psutil.Process:
    (found,) = psutil.Process(gateway.process.pid).children()
    return found


def enrol(state: State, accounts: Sequence[str]) -> None:
    """All at once: a transaction an account takes its time."""
    state.registry.create_organisation(Organisation(id="org"))
    with state.ledger.transaction() as connection:
        version = next_version(connection)
        for account in accounts:
            put(connection, Account(id=account, organisation="org"), version, new=True)


def write(folder: Path, exchanges: Sequence[Exchange]) -> None:
    """As a gateway writes them, into segments of its own."""

    async def run() -> None:
        settings = LogSettings(interval_seconds=0.05, segment_bytes=1 << 18)
        writer = ExchangeWriter(settings, folder, gateway="other", clock=time.time)
        writer.start(asyncio.get_running_loop())
        for number, exchange in enumerate(exchanges, start=1):
            writer.add(draft_of_exchange(exchange))
            if number % 400 == 0:
                await asyncio.sleep(0.1)
        await writer.close()

    asyncio.run(run())


def expected(decisions: Sequence[Any]) -> tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]:
    """What is in force and what waits after these decisions, by account, and what was recorded on the way."""
    in_force: dict[str, str] = {}
    pending: dict[str, str] = {}
    for one in decisions:
        for account in one["accounts"]:
            (pending if one["review"] == "pending" else in_force)[account] = one["action"]
    return in_force, pending, [(account, one["action"]) for one in decisions for account in one["accounts"]]


def test_live_comes_to_the_decisions_of_a_replay(world: World, tmp_path: Path) -> None:
    """The detector is killed on the way: nothing is lost by that, and nothing done twice."""
    replayed = (world.replayed / "decisions.jsonl").read_bytes().splitlines(keepends=True)
    decisions = [json.loads(line) for line in replayed]
    last = decisions[min(_DECISIONS, len(decisions)) - 1]["time"]
    # What follows the last decision by its tick and the lateness has to be there, so that its moment comes.
    exchanges: list[Exchange] = []
    for one in ExchangeLog(world.mixed):
        exchanges.append(one)
        if len(exchanges) > 400 and exchanges[-400].time > last:
            break
    end = len(exchanges)
    log = tmp_path / "exchanges"
    with (
        Stub(lambda asked: json_answer(chat_answer())) as stub,
        running(tmp_path, stub.url, detect={"reference": str(world.reference)}) as gateway,
        gateway.state() as state,
    ):
        enrol(state, sorted({account for one in decisions for account in one["accounts"]}))
        write(log, exchanges[: end // 2])
        wait_until(lambda: status(gateway)["exchanges"] >= 1000)
        detector_of(gateway).kill()
        write(log, exchanges[end // 2 :])
        wait_until(lambda: status(gateway)["exchanges"] == end and status(gateway)["decisions"] >= _DECISIONS)
        assert (status(gateway)["starts"], status(gateway)["late"]) == (2, 0)
        assert gateway.wait_said("detection is not running")["code"] == -9
        assert gateway.stop() == 0
        written = (log / "decisions.jsonl").read_bytes()
        count = written.count(b"\n")
        assert written == b"".join(replayed[:count]) and count >= _DECISIONS
        in_force, pending, recorded = expected(decisions[:count])
        assert {one.account: one.action for one in state.registry.actions()} == in_force
        assert {one.account: one.action for one in state.registry.proposals()} == pending
        accounts = {one.id for one in state.registry.accounts()}
        entries = [one for one in list_entries(state.engine) if one.actor == "detector" and one.subject in accounts]
        assert sorted((one.subject, one.details["action"]) for one in entries) == sorted(recorded)
        assert verify(state.engine, public_key=state.ledger.verifier).holds


def test_one_gateway_of_those_that_share_a_log_detects(world: World, tmp_path: Path) -> None:
    both = {"detect": {"reference": str(world.reference)}, "log": {"folder": str(tmp_path / "log")}}
    with (
        Stub(lambda asked: json_answer(chat_answer())) as stub,
        running(tmp_path / "one", stub.url, **both) as first,
        running(tmp_path / "two", stub.url, **both) as second,
    ):
        wait_until(lambda: {status(first)["state"], status(second)["state"]} == {"following", "standby"})
        if status(first)["state"] == "standby":
            first, second = second, first
        key = key_for(first)
        assert {ask(first, key).status_code for _ in range(5)} == {200}
        wait_until(lambda: status(first)["exchanges"] == 5)
        page = httpx2.get(f"{first.admin}/metrics").text
        assert 'stillhouse_detection_state{state="following"} 1.0' in page
        assert "stillhouse_detection_lag_exchanges 5.0" in page
        orphan = detector_of(first)
        first.kill()
        wait_until(lambda: not orphan.is_running())
        wait_until(lambda: status(second)["exchanges"] == 5)
        child = detector_of(second)
        assert second.stop() == 0 and not child.is_running()
