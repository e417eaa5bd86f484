"""Processes that append to one ledger, each in a Python of its own, so that they can be killed."""

import subprocess
import sys
from pathlib import Path

__all__ = ["APPEND", "release", "start"]

# database URL, key, checkpoint file, how many entries, name
APPEND = """
import sys
import time
from pathlib import Path
from sqlalchemy import create_engine
from stillhouse.guard.ledger.signing_key import load_signing_key
from stillhouse.guard.ledger.store import Ledger
url, key, kept, count, name = sys.argv[1:]
engine = create_engine(url, connect_args={"timeout": 60})
ledger = Ledger(engine, load_signing_key(Path(key)), "ledger.example/tests", checkpoint_file=Path(kept))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    print(ledger.append("review", actor=name, subject=str(number)).sequence, flush=True)
    time.sleep(0.001)  # lets the other one in: SQLite does not queue who waits
engine.dispose()
"""


def start(url: str, key: Path, kept: Path, count: int, name: str) -> subprocess.Popen[str]:
    """Start one; it prints `ready`, waits for a line, then prints each sequence once that entry is on disk."""
    words = [sys.executable, "-W", "error", "-c", APPEND, url, str(key), str(kept), str(count), name]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )


def release(*writers: subprocess.Popen[str]) -> None:
    """Let all of them begin once the last one is ready."""
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
