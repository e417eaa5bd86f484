"""Several processes on one SQLite ledger: none loses an entry, and one that is killed leaves a ledger that holds."""

import signal
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine

from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.signing_key import make_signing_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.ledger.verify import verify
from tests.guard.ledger.writers import release, start


def test_two_processes_at_once(engine: Engine, database: Path, tmp_path: Path) -> None:
    key, kept = tmp_path / "ledger.pem", tmp_path / "kept.checkpoint"
    verifier = Ledger(engine, make_signing_key(key), "ledger.example/tests").verifier
    engine.dispose()
    writers = [start(f"sqlite:///{database}", key, kept, 40, name) for name in ("a", "b")]
    release(*writers)
    printed = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(int(number) for numbers in printed for number in numbers) == list(range(1, 81))
    report = verify(database, public_key=verifier, checkpoint=read_checkpoint(kept))
    assert report.holds and report.entries == report.kept == 81


def test_killed_in_the_middle_of_appending(engine: Engine, database: Path, tmp_path: Path) -> None:
    key, kept = tmp_path / "ledger.pem", tmp_path / "kept.checkpoint"
    verifier = Ledger(engine, make_signing_key(key), "ledger.example/tests").verifier
    engine.dispose()
    before = 0
    for delay in (0.0003, 0.0013, 0.0029):
        writer = start(f"sqlite:///{database}", key, kept, 100_000, "killed")
        release(writer)
        assert writer.stdout is not None
        for _ in range(12):
            writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate(timeout=60)[0]
        assert writer.returncode == -signal.SIGKILL
        report = verify(database, public_key=verifier, checkpoint=read_checkpoint(kept))
        assert report.faults == ()
        assert report.kept is not None and before < report.kept <= report.entries
        promised = [int(line) for line in rest.split("\n")[:-1]]  # the last line may be half a number
        assert not promised or promised[-1] < report.entries
        before = report.entries


def test_verified_while_somebody_appends(ledger: Ledger, database: Path, key: Ed25519PrivateKey) -> None:
    ledger.open()
    done = threading.Event()

    def append() -> None:
        own = create_engine(f"sqlite:///{database}", connect_args={"timeout": 30})
        writer = Ledger(own, key, ledger.origin)
        while not done.is_set():
            writer.append("review", actor="a", subject="b")
        own.dispose()

    thread = threading.Thread(target=append)
    thread.start()
    try:
        sizes: list[int] = []
        while len(sizes) < 10:
            report = verify(database, public_key=ledger.verifier)
            assert report.faults == ()
            sizes.append(report.entries)
    finally:
        done.set()
        thread.join()
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
