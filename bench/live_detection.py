"""What live detection adds to a request: `guard serve` with a reference beside the same without one.

Two gateways stand before one stub, and take turns run by run; each works alone, on one core with its detector, while
the stub and the load generator share another. So the detector, a process of its own and of lower priority, is where it
disturbs most. CPU is that of the serving process alone; the detector's own stands in a row of its own. Latency is at
half the rate that the gateway without detection sustains, with requests sent by the clock. "Ours" is with detection,
"peer" without.

    scripts/bench live_detection                              about 5 minutes
    scripts/bench live_detection --runs 2 --seconds 2         about 2 minutes
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from bench.gateway_contestants import stillhouse
from bench.pinned import Pinned, free_port, on_core
from bench.results import Row
from bench.workers.gateway_stub import model_name
from tests.guard.world import World

__all__ = ["main", "rows_of"]

_ROOT = Path(__file__).parents[1]
_ACCOUNTS = 8
_CONNECTIONS = 64
_READY_SECONDS = 120.0
_WITH, _WITHOUT = "with", "without"


@dataclass(frozen=True, slots=True)
class _Gateway:
    """One that runs: its process, its API keys, and the address of its administration."""

    pinned: Pinned
    keys: Path
    admin: str

    def detection(self) -> dict[str, Any] | None:
        """What it says of its detector; None where it has none."""
        found: dict[str, Any] | None = httpx2.get(f"{self.admin}/v1/status").json()["detection"]
        return found

    def wait_until_detecting(self) -> None:
        """Until its detector has read all that is there."""
        end = time.monotonic() + _READY_SECONDS
        while (state := self.detection()) is not None and state["state"] != "following":
            if time.monotonic() > end:
                raise RuntimeError(f"the detector is not ready: {state}\n{self.pinned.said()}")
            time.sleep(0.2)


@dataclass(slots=True)
class _Bench:
    load_core: int
    gateways: Mapping[str, _Gateway]
    found: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def load(self, name: str, *arguments: object) -> dict[str, Any]:
        """What the load generator saw, with the CPU seconds of the gateway itself and of its detector beside it."""
        # What the last run left to read would be read beside the other gateway's.
        self.gateways[_WITH].wait_until_detecting()
        gateway = self.gateways[name]
        pinned = gateway.pinned
        command = [sys.executable, "-m", "bench.workers.gateway_load", "requests", *map(str, arguments)]
        command += ["--port", str(pinned.port), "--keys", str(gateway.keys)]
        own, both = pinned.own_cpu_seconds(), pinned.cpu_seconds()
        process = on_core(command, self.load_core, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said, complaint = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{name}: {complaint.strip()}\n{pinned.said()}")
        own = pinned.own_cpu_seconds() - own
        saw: dict[str, Any] = json.loads(said)
        return {**saw, "own": own, "detector": pinned.cpu_seconds() - both - own}

    def put(self, quantity: str, name: str, value: float) -> None:
        self.found[quantity, name].append(value)
        print(f"{name}: {quantity} {value:.4g}", file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: CPU of the serving process a request, latency at half load, CPU of the detector."""
    parser = argparse.ArgumentParser(prog="scripts/bench live_detection")
    parser.add_argument("--runs", type=int, default=7, help="alternating runs")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a run")
    options = parser.parse_args(argv)
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        print("composing traffic and learning a reference from it", file=sys.stderr, flush=True)
        reference = World(Path(place)).reference
        os.sched_setaffinity(0, cores[:1])
        running.callback(os.sched_setaffinity, 0, cores)
        bench = _start(Path(place), reference, cores[-1], cores[0], running)
        for name in bench.gateways:
            bench.load(name, "--connections", _CONNECTIONS, "--seconds", min(1.0, options.seconds))
        _saturated(bench, options.runs, options.seconds)
        _paced(bench, options.runs, options.seconds)
        detection = bench.gateways[_WITH].detection()
        assert detection is not None
        if detection["starts"] != 1:
            raise RuntimeError(f"the detector was started {detection['starts']} times; nothing is measured by that")
    return rows_of(bench.found)


def _start(place: Path, reference: Path, server_core: int, load_core: int, running: ExitStack) -> _Bench:
    port = free_port()
    command = [sys.executable, "-m", "bench.workers.gateway_stub", "--port", str(port)]
    running.enter_context(Pinned(command, load_core, port, place / "stub.log", _ROOT))
    gateways = {}
    for name, given in ((_WITH, reference), (_WITHOUT, None)):
        one = stillhouse(place / name, port, [model_name(200, 2)], accounts=_ACCOUNTS, reference=given)
        config = json.loads((one.folder / "guard.yaml").read_text("utf-8"))
        log = place / f"{name}.log"
        pinned = running.enter_context(
            Pinned(one.command, server_core, one.port, log, one.folder, {**one.environment(), "PYTHONPATH": str(_ROOT)})
        )
        assert one.keys is not None
        gateways[name] = _Gateway(pinned, one.keys, f"http://127.0.0.1:{config['admin']['port']}")
    return _Bench(load_core, gateways)


def _turns(runs: int) -> list[str]:
    """Each of both once a run, every run beginning with the other one."""
    return [name for run in range(runs) for name in ((_WITH, _WITHOUT) if run % 2 else (_WITHOUT, _WITH))]


def _saturated(bench: _Bench, runs: int, seconds: float) -> None:
    """As many requests as come through."""
    for name in _turns(runs):
        saw = bench.load(name, "--connections", _CONNECTIONS, "--seconds", seconds)
        bench.put("cpu", name, saw["own"] / saw["answered"] * 1e6)
        bench.put("rate", name, saw["answered"] / saw["seconds"])


def _paced(bench: _Bench, runs: int, seconds: float) -> None:
    """Requests by the clock, at half of what the gateway without detection sustains."""
    rate = median(bench.found["rate", _WITHOUT]) / 2
    for name in _turns(runs):
        saw = bench.load(name, "--connections", 4 * _CONNECTIONS, "--seconds", seconds, "--rate", rate)
        bench.put("paced_cpu", name, saw["own"] / saw["answered"] * 1e6)
        bench.put("p50", name, saw["p50_ms"] * 1e3)
        bench.put("p99", name, saw["p99_ms"] * 1e3)
        if name == _WITH:
            bench.put("detector", name, saw["detector"] / saw["seconds"])


def rows_of(found: Mapping[tuple[str, str], Sequence[float]]) -> list[Row]:
    """One row a quantity; differences are taken run by run."""

    def both(what: str, quantity: str, unit: str) -> list[Row]:
        mine, other = found[quantity, _WITH], found[quantity, _WITHOUT]
        added = [a - b for a, b in zip(mine, other, strict=True)]
        return [Row.of(what, mine, other, unit), Row.of(f"{what}: added by detection", added, None, unit)]

    return [
        *both("CPU of the serving process a request, at full load", "cpu", "us"),
        *both("CPU of the serving process a request, at half load", "paced_cpu", "us"),
        *both("latency through the gateway at half load, p50", "p50", "us"),
        *both("latency through the gateway at half load, p99", "p99", "us"),
        Row.of("the detector's share of a core at half load", found["detector", _WITH], None, "1"),
    ]
