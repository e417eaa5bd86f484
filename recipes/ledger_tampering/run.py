"""Tamper with a ledger a thousand times, each time with a copy of the honest one, and see whether `verify` finds it.

`python -m recipes.ledger_tampering.run [--tamperings 1000] [--entries 400] [--seed 0] [--out DIR]`. Exit 0 if every
tampering is found and nothing honest is; 1 if not.
"""

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine

from recipes.ledger_tampering.ledger import Honest, append_many, event, make_ledger
from recipes.ledger_tampering.tamperings import FLIP, KINDS, ROLL_BACK, rows, tamper
from recipes.result import Result
from stillhouse.errors import RecordError
from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.signing_key import load_signing_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.ledger.verify import verify

BULK = 20_000


def found(copy: Path, honest: Honest) -> bool:
    """Whether somebody who kept the public key and the last checkpoint elsewhere is told that something is wrong."""
    try:
        return not verify(copy, public_key=honest.public_key, checkpoint=honest.checkpoint).holds
    except RecordError:  # it is no longer a database with a ledger in it
        return True


def tamper_often(honest: Honest, scratch: Path, count: int, seed: int) -> tuple[Counter[str], Counter[str], int]:
    """Tried and found by kind, and how many flipped bytes changed no row and were drawn anew."""
    rng, key, copy = random.Random(seed), Ed25519PrivateKey.generate(), scratch / "copy.db"
    before = rows(honest.database)
    kinds, idle = [*KINDS, ROLL_BACK, FLIP, FLIP, FLIP], 0
    tried: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for number in range(count):
        kind = kinds[number % len(kinds)]
        tamper(kind, honest, copy, rng, key)
        while rows(copy) == before:
            assert kind == FLIP, f"'{kind}' changed nothing"
            idle += 1
            tamper(kind, honest, copy, rng, key)
        tried[kind] += 1
        caught[kind] += found(copy, honest)
    return tried, caught, idle


def check_honest(honest: Honest, folder: Path, say: Result) -> bool:
    """The untouched ledger passes, with an older checkpoint too; and after two processes appended to it at once."""
    older = verify(honest.older, public_key=honest.public_key)
    untouched = verify(honest.database, public_key=honest.public_key, checkpoint=honest.checkpoint)
    say(f"untouched: {untouched.entries} entries, {len(untouched.faults)} faults")
    shared = Path(shutil.copy(honest.database, folder / "shared.db"))
    checkpoint = Path(shutil.copy(folder / "kept" / "ledger.checkpoint", folder / "shared.checkpoint"))
    spawn = multiprocessing.get_context("spawn")
    arguments = [(shared, folder / "second.pem", checkpoint, 100, f"gateway-{name}") for name in "ab"]
    writers = [spawn.Process(target=append_many, args=one) for one in arguments]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    report = verify(shared, public_key=honest.public_key, checkpoint=read_checkpoint(checkpoint))
    from_before = verify(shared, public_key=honest.public_key, checkpoint=honest.checkpoint)
    say(f"two processes appended: {report.entries} entries, {len(report.faults)} faults")
    whole = report.entries == honest.entries + 200 and [writer.exitcode for writer in writers] == [0, 0]
    return whole and all(one.holds for one in (older, untouched, report, from_before))


def speeds(honest: Honest, folder: Path, seed: int) -> dict[str, float]:
    """Entries a second: appended singly, appended in one transaction, verified."""
    rng, place = random.Random(seed), Path(shutil.copy(honest.database, folder / "bulk.db"))
    engine = create_engine(f"sqlite:///{place}")
    ledger = Ledger(engine, load_signing_key(folder / "second.pem"), honest.public_key.name)
    events = [event(rng, number) for number in range(BULK)]
    start = time.perf_counter()
    ledger.extend(events)
    extended = time.perf_counter()
    report = verify(place, public_key=honest.public_key, checkpoint=honest.checkpoint)
    verified = time.perf_counter()
    engine.dispose()
    assert report.holds and report.entries == honest.entries + BULK
    return {
        "appends_per_second": honest.appends_per_second,
        "extended_per_second": BULK / (extended - start),
        "verified_per_second": report.entries / (verified - extended),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tamperings", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for result.json")
    arguments = parser.parse_args()
    say = Result()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        honest = make_ledger(folder, arguments.entries, arguments.seed)
        passed = check_honest(honest, folder, say)
        started = time.monotonic()
        tried, caught, idle = tamper_often(honest, folder, arguments.tamperings, arguments.seed)
        seconds = time.monotonic() - started
        fast = speeds(honest, folder, arguments.seed)
    width = max(map(len, tried))
    say(f"{'kind':{width}}  tried  found")
    for kind in tried:
        say(f"{kind:{width}}  {tried[kind]:5}  {caught[kind]:5}")
    say(f"{idle} flipped bytes changed no row (unused space, counters of SQLite) and were drawn anew; {seconds:.0f} s")
    say(f"{fast['appends_per_second']:.0f} appends a second, each signed, on disk and in the checkpoint file")
    say(f"{fast['extended_per_second']:,.0f} entries a second in one transaction of {BULK:,}")
    say(f"{fast['verified_per_second']:,.0f} entries a second verified")
    say(f"{caught.total()} of {tried.total()} tamperings found")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        figures: dict[str, Any] = {"tried": tried.total(), "found": caught.total(), "honest_pass": passed, **fast}
        say.write(arguments.out, figures)
    return 0 if passed and caught == tried else 1


if __name__ == "__main__":
    sys.exit(main())
