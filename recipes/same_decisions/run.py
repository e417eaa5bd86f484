"""The same decisions whoever makes them: python -m recipes.same_decisions.run [--times 3] [--out DIR]

Five days of composed traffic is written as JSON lines and as Parquet, a reference is learnt, and the log is replayed by
one process from either format, and by Ray clusters of one and two workers; each replay is a command of its own. A
gateway detects on it live, while it is written. `decisions.jsonl` of all of them is compared byte for byte. Exit 1 if
one differs, or if nothing was decided.

Speed is exchanges a second without the start of Ray, the median of `--times` rounds in which every arm has its turn.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from recipes.result import Result
from recipes.same_decisions.live import detect_live
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.range.parquet import write_parquet
from stillhouse.records import ExchangeLog
from stillhouse.records.times import microseconds, rfc3339
from stillhouse.types import Exchange

HERE = Path(__file__).parent
TWO, ONE, ALONE = "Ray, 2 workers, Parquet", "Ray, 1 worker, Parquet", "Ray, 1 worker, Parquet, one core"
AFTER = 2
HONEST = ("seed=1", "days=3", "campaigns=[]", "corpus.half=a", "output.parts=1")


@dataclass(frozen=True)
class Arm:
    """One way to replay: which log, by what options, on how many cores (None: all that there are)."""

    name: str
    log: str
    options: Sequence[str] = ()
    cores: int | None = None
    summaries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return median(float(one["exchanges_per_second"]) for one in self.summaries)

    @property
    def start_seconds(self) -> float:
        return median(float(one["start_seconds"]) for one in self.summaries)


def arms() -> list[Arm]:
    ray = ("--engine", "ray", "--workers")
    return [
        Arm("one process, JSON lines", "jsonl"),
        Arm("one process, Parquet", "parquet"),
        Arm(TWO, "parquet", (*ray, "2")),
        Arm(ONE, "parquet", (*ray, "1")),
        Arm(ALONE, "parquet", (*ray, "1"), cores=1),
        Arm("Ray, 2 workers, JSON lines", "jsonl", (*ray, "2")),
    ]


def compare(decisions: Mapping[str, Path]) -> list[str]:
    """Names of those files that have not the bytes of the first one."""
    first, *others = decisions
    wanted = decisions[first].read_bytes()
    return [name for name in others if decisions[name].read_bytes() != wanted]


def compose(folder: Path) -> int:
    """The logs `jsonl/` and `parquet/`, and `reference/`, in `folder`; how many exchanges there are to replay."""
    scenario = str(HERE / "scenario.yaml")
    stillhouse("range", "traffic", scenario, *HONEST, "--out", str(folder / "honest"))
    stillhouse("range", "traffic", scenario, "--out", str(folder / "jsonl"))
    logs = sorted((folder / "jsonl").glob("exchanges*"))
    with ExchangeLog(logs[-1]) as log:
        log.extend(_after(logs))
    (folder / "parquet").mkdir()
    for path in logs:
        write_parquet(folder / "parquet" / f"{path.name.partition('.')[0]}.parquet", ExchangeLog(path))
    stillhouse("guard", "reference", str(folder / "honest"), "--out", str(folder / "reference"))
    return int(json.loads((folder / "jsonl" / "summary.json").read_text(encoding="utf-8"))["exchanges"]) + AFTER


def _after(logs: Sequence[Path]) -> list[Exchange]:
    """What comes so much later that the tick before is over for whoever waits for it: a replay ends with its files."""
    last = max((one for path in logs for one in ExchangeLog(path)), key=lambda one: one.time)
    settings, at = DetectSettings(), microseconds(last.time)
    assert at is not None
    found = []
    for number in range(1, AFTER + 1):
        at += int((settings.tick_seconds + settings.lateness_seconds) * 1e6)
        found.append(replace(last, id=f"after-{number}", account="after", time=rfc3339(at // 1000)))
    return found


def replay(arm: Arm, folder: Path, out: Path) -> None:
    """Replay once and keep the summary."""
    words = ("guard", "replay", str(folder / arm.log), "--reference", str(folder / "reference"), "--out", str(out))
    arm.summaries.append(json.loads(stillhouse(*words, *arm.options, cores=arm.cores)))


def stillhouse(*words: str, cores: int | None = None) -> str:
    """What the command prints as JSON. It has so many of our cores; CalledProcessError where it fails."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    try:
        line = [sys.executable, "-m", "stillhouse", *words, "--quiet", "--json"]
        return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    finally:
        os.sched_setaffinity(0, before)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes.same_decisions.run")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/same_decisions"))
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True)
    say, tried = Result(), arms()
    exchanges = compose(options.out)
    for number in range(options.times):
        for at, arm in enumerate(tried):
            replay(arm, options.out, options.out / f"replay-{at}-{number}")
    decisions = {
        f"{arm.name}, round {number + 1}": options.out / f"replay-{at}-{number}" / "decisions.jsonl"
        for number in range(options.times)
        for at, arm in enumerate(tried)
    }
    decisions["live"] = detect_live(options.out / "jsonl", options.out / "reference", options.out / "live", AFTER)
    different = compare(decisions)
    found = len(next(iter(decisions.values())).read_bytes().splitlines())
    say(f"{exchanges:,} exchanges, {found} decisions; {len(different)} of {len(decisions)} differ")
    for name in different:
        say(f"differs: {name}")
    speed = {arm.name: arm.per_second for arm in tried}
    for arm in tried:
        start = f", Ray was there after {arm.start_seconds:.1f} s" if arm.options else ""
        say(f"{arm.name:32} {speed[arm.name]:6,.0f} exchanges a second{start}")
    workers, cores = speed[TWO] / speed[ONE], speed[TWO] / speed[ALONE]
    say(f"2 workers to 1, both on all cores: {workers:.2f}; 2 workers on all cores to 1 on one core: {cores:.2f}")
    figures = {
        "exchanges": exchanges,
        "decisions": found,
        "compared": len(decisions),
        "different": len(different),
        "exchanges_per_second": speed,
        "workers_ratio": workers,
        "cores_ratio": cores,
    }
    say.write(options.out, figures)
    return 1 if different or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
