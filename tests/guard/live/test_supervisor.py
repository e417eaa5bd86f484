"""The detector's process ends at once, again and again: it is begun anew, later each time, and nobody is held up."""

import asyncio
import sys
from pathlib import Path

import pytest

from stillhouse.guard.live import supervisor
from stillhouse.guard.live.process import Order
from stillhouse.guard.live.status import Status
from stillhouse.guard.live.supervisor import Supervisor
from tests.guard.conftest import guard_settings


def test_a_process_that_cannot_run_is_started_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    kept = Supervisor(Order(guard_settings("sqlite:///guard.db"), Path(), True), {})

    async def watch() -> None:
        running = asyncio.create_task(kept.run())
        while kept.starts < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(watch())
    pauses = [record.fields["again_in_seconds"] for record in caplog.records]  # type: ignore[attr-defined]
    assert pauses[:2] == [0.05, 0.1]


def test_what_the_gateway_tells_comes_back(tmp_path: Path) -> None:
    order = Order(guard_settings("sqlite:///guard.db"), tmp_path, quiet=True)
    assert Order.of(order.line()) == order
    status = Status("following", lag_seconds=1.5, lag_exchanges=3, decisions=2, drift_p=0.25, absent=("client.ip",))
    assert Status.of(status.line()) == status
