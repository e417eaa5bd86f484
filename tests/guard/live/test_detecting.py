"""What detection tells of itself while it follows a log."""

from pathlib import Path
from threading import Event

from stillhouse.guard.live.decision_file import DecisionFile
from stillhouse.guard.live.detecting import Detecting
from stillhouse.guard.live.status import Status
from tests.guard.conftest import guard_settings
from tests.guard.live.segments import add, at, begin
from tests.guard.world import World


def test_drift_and_absent_fields_are_in_the_status(world: World, tmp_path: Path) -> None:
    """Three ticks are over, of fifteen accounts each, and decided about."""
    log, stop, told = tmp_path / "exchanges", Event(), list[Status]()
    log.mkdir()
    segment = begin(log, "g1")
    address = {"client": {"ip": "192.0.2.1"}}
    add(segment, *(at(f"x{n}", 60 * n, f"a{n}", **address) for n in range(60)))

    def tell(status: Status) -> None:
        told.append(status)
        if status.drift_accounts or len(told) > 20:
            stop.set()

    detect = world.settings.model_copy(update={"reference": world.reference})
    settings = guard_settings("sqlite:///guard.db").model_copy(update={"detect": detect})
    file = DecisionFile.take(log)
    assert file is not None
    try:
        Detecting(settings, tmp_path, {}, file, stop, tell).run()
    finally:
        file.close()
    last = told[-1]
    # The lateness is ten minutes, so the tick from the 45th minute on is open.
    assert (last.exchanges, last.drift_accounts, last.drift_alarm) == (60, 45, False) and last.drift_p > 0.001
    assert "client.ja4" in last.absent and "client.ip" not in last.absent
    assert Status.of(last.line()) == last
