"""The gateway beside LiteLLM's and beside a bare pass-through: CPU a request, latency, streams, memory.

One gateway works at a time, alone on one core; the stub that answers and the load generator share another. CPU is the
process's own, of all its threads, over everything that it served; of the wall clock, the share in which other programs
had its core is taken off where requests a second are counted. Requests are of 1 KB, and so are answers, over 64
connections that stay open; every answer is checked, ours byte by byte. Contestants take turns run by run.

    scripts/bench gateway                                                                       about 15 minutes
    scripts/bench gateway --runs 2 --seconds 1 --streams 30 --concurrent 200 --long-runs 1 --stream-seconds 3
        --requests 10000 --only ours,floor,litellm                                              about 2 minutes

Added latency is that of an answer through the gateway less that of one straight from the stub, percentile by
percentile, in turns, with requests sent by the clock at half the rate that the gateway itself sustains. "Peer" is
LiteLLM unless a row says otherwise; a row's quartiles are those over its runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.gateway_contestants import LITELLM_PINS, Contestant, floor, litellm, stillhouse
from bench.peer_environment import peer_python
from bench.pinned import Pinned, free_port, on_core
from bench.results import Row
from bench.workers.gateway_stub import model_name
from stillhouse.errors import ConfigError
from tests.guard.services import valkey_program

__all__ = ["main", "rows_of"]

_ROOT = Path(__file__).parents[1]
_NAMES = ("ours", "floor", "litellm", "litellm-keys", "ours-scopes", "ours-valkey", "ours-always")
_PEERS = {
    "litellm": "peer: LiteLLM, master key",
    "litellm-keys": "peer: LiteLLM, keys with limits",
    "floor": "peer: bare uvicorn and aiohttp",
}
_CONNECTIONS = 64
_KEYS = 8
_EVENTS = 200
_APART = (2, 20)
_LONG_APART = 100
_SAMPLES = 10
_WATCH_SECONDS = 0.5
_QUIET = 0.97
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saw:
    """One run of the load generator; `others` are programs that are no part of the bench, on the server's core and
    on the load generator's."""

    answered: int
    seconds: float
    at_once: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    stub_cpu_seconds: float
    load_cpu_seconds: float
    others_seconds: float
    others_beside_seconds: float
    peak_bytes: int

    @property
    def quiet(self) -> float:
        """The share of the time in which no other program worked on the busier of both cores."""
        return 1 - max(self.others_seconds, self.others_beside_seconds) / self.seconds


@dataclass(slots=True)
class _Bench:
    """The machine's two cores, the stub, the gateways that run, and what was measured: lists by (quantity, name)."""

    server_core: int
    load_core: int
    stub: Pinned
    gateways: dict[str, tuple[Contestant, Pinned]]
    found: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def load(self, name: str, *arguments: object, watched: bool = False) -> _Saw:
        """What the load generator saw of gateway `name`, or of the stub itself, and the CPU that it took meanwhile.

        `watched` adds the most memory that it held, looked at twice a second.
        """
        contestant, pinned = self.gateways.get(name, (None, self.stub))
        command = [sys.executable, "-m", "bench.workers.gateway_load", *map(str, arguments), "--port", str(pinned.port)]
        if contestant is not None and contestant.keys is not None:
            command += ["--keys", str(contestant.keys)]
        if contestant is not None and not contestant.whole:
            command += ["--same-text"]
        before, stub_before = pinned.cpu_seconds(), self.stub.cpu_seconds()
        peak = 0
        process = on_core(command, self.load_core, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while watched and process.poll() is None:
            peak = max(peak, pinned.resident_bytes())
            time.sleep(_WATCH_SECONDS)
        said, complaint = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{name}: {complaint.strip()}\n{pinned.said()}")
        saw = json.loads(said)
        cpu, stub = pinned.cpu_seconds() - before, self.stub.cpu_seconds() - stub_before
        server_core, load_core = saw["cores"][self.server_core], saw["cores"][self.load_core]
        return _Saw(
            answered=saw["answered"],
            seconds=saw["seconds"],
            at_once=saw["at_once"],
            p50_ms=saw["p50_ms"],
            p99_ms=saw["p99_ms"],
            cpu_seconds=cpu,
            stub_cpu_seconds=stub,
            load_cpu_seconds=saw["own_cpu_seconds"],
            others_seconds=max(0.0, server_core - (cpu if contestant else 0.0)),
            others_beside_seconds=max(0.0, load_core - stub - saw["own_cpu_seconds"]),
            peak_bytes=peak,
        )

    def put(self, quantity: str, name: str, value: float) -> None:
        self.found[quantity, name].append(value)
        print(f"{name}: {quantity} {value:.4g}", file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: CPU a request and an event, requests a second of a core, added latency, 1,000 streams, memory."""
    parser = argparse.ArgumentParser(prog="scripts/bench gateway")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of the short measurements")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a short run")
    parser.add_argument("--streams", type=int, default=100, help="streams over which CPU an event is taken")
    parser.add_argument("--concurrent", type=int, default=1000, help="streams that must all be open at once")
    parser.add_argument("--stream-seconds", type=float, default=10.0, help="how long those are; they begin over half")
    parser.add_argument("--long-runs", type=int, default=2, help="alternating runs of those")
    parser.add_argument("--requests", type=int, default=100_000, help="requests over which memory is watched")
    parser.add_argument("--only", default=",".join(_NAMES), help=f"contestants: {', '.join(_NAMES)}")
    parser.add_argument("--litellm-python", type=Path, help="python of an environment with LiteLLM; made by default")
    options = parser.parse_args(argv)
    names = options.only.split(",")
    if unknown := set(names) - {*_NAMES}:
        raise ConfigError(f"--only {','.join(sorted(unknown))} is none of {', '.join(_NAMES)}; name some of these")
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    try:
        return _measure(options, names, cores[-1], cores[0])
    finally:
        os.sched_setaffinity(0, cores)


def _measure(options: argparse.Namespace, names: Sequence[str], server_core: int, load_core: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        events = round(options.stream_seconds * 1000 / _LONG_APART)
        models = [model_name(_EVENTS, apart) for apart in _APART] + [model_name(events, _LONG_APART)]
        bench = _start(Path(place), names, models, options.litellm_python, server_core, load_core, running)
        _requests(bench, options.runs, options.seconds)
        _latency(bench, options.runs, options.seconds)
        _streams(bench, options.runs, options.streams)
        _many_streams(bench, options.long_runs, options.concurrent, events)
        _memory(bench, options.requests)
    return list(rows_of(bench.found, options.streams, options.concurrent, options.requests))


def _start(
    place: Path,
    names: Sequence[str],
    models: Sequence[str],
    python: Path | None,
    server_core: int,
    load_core: int,
    running: ExitStack,
) -> _Bench:
    port = free_port()
    command = [sys.executable, "-m", "bench.workers.gateway_stub", "--port", str(port)]
    stub = running.enter_context(Pinned(command, load_core, port, place / "stub.log", _ROOT))
    if any(name.startswith("litellm") for name in names):
        python = peer_python("litellm", LITELLM_PINS, python)
    gateways = {}
    for name in names:
        folder = place / name
        if name == "floor":
            contestant = floor(port)
        elif name.startswith("litellm"):
            assert python is not None
            contestant = litellm(python, folder, port, models, keys=_KEYS if name == "litellm-keys" else 0)
        else:
            scopes = ("key", "account", "organisation") if name == "ours-scopes" else ("account",)
            counters = _valkey(place, load_core, running) if name == "ours-valkey" else "memory"
            fsync = "always" if name == "ours-always" else "interval"
            contestant = stillhouse(folder, port, models, accounts=_KEYS, scopes=scopes, counters=counters, fsync=fsync)
        gateways[name] = (contestant, running.enter_context(_pinned(contestant, server_core, place / f"{name}.log")))
    return _Bench(server_core, load_core, stub, gateways)


def _pinned(contestant: Contestant, core: int, log: Path) -> Pinned:
    return Pinned(contestant.command, core, contestant.port, log, contestant.folder, contestant.environment())


def _valkey(place: Path, core: int, running: ExitStack) -> str:
    port = free_port()
    command = [valkey_program(), "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    running.enter_context(Pinned(command, core, port, place / "valkey.log", place))
    return f"redis://127.0.0.1:{port}/0"


def _turns(bench: _Bench, runs: int, names: Sequence[str]) -> Iterator[str]:
    """Each of them once a run, every run beginning with another one."""
    present = [name for name in names if name in bench.gateways]
    for run in range(runs):
        for at in range(len(present)):
            yield present[(run + at) % len(present)]


def _requests(bench: _Bench, runs: int, seconds: float) -> None:
    """As many requests as come through."""
    for name in bench.gateways:
        bench.load(name, "requests", "--connections", _CONNECTIONS, "--seconds", min(seconds, 1.0))
    for name in _turns(bench, runs, _NAMES):
        saw = bench.load(name, "requests", "--connections", _CONNECTIONS, "--seconds", seconds)
        bench.put("cpu", name, saw.cpu_seconds / saw.answered * 1e6)
        bench.put("rate", name, saw.answered / (saw.seconds - min(saw.others_seconds, 0.9 * saw.seconds)))
        bench.put("load_cpu", name, (saw.load_cpu_seconds + saw.stub_cpu_seconds) / saw.answered * 1e6)
        bench.put("stub_cpu", name, saw.stub_cpu_seconds / saw.answered * 1e6)


def _latency(bench: _Bench, runs: int, seconds: float) -> None:
    """Percentiles through the gateway less those of the stub, at half the gateway's own rate."""
    for name in _turns(bench, runs, ("ours", "floor", "litellm", "litellm-keys")):
        rate = median(bench.found["rate", name]) / 2
        arguments = ("requests", "--connections", 256, "--seconds", seconds, "--rate", rate)
        tried: list[tuple[_Saw, _Saw]] = []
        while len(tried) < _TRIES and (not tried or _quiet(tried[-1]) < _QUIET):
            tried.append((bench.load("stub", *arguments), bench.load(name, *arguments)))
        direct, through = max(tried, key=_quiet)
        bench.put("quiet", name, _quiet((direct, through)))
        bench.put("p50", name, through.p50_ms - direct.p50_ms)
        bench.put("p99", name, through.p99_ms - direct.p99_ms)


def _quiet(pair: tuple[_Saw, _Saw]) -> float:
    return min(saw.quiet for saw in pair)


def _streams(bench: _Bench, runs: int, streams: int) -> None:
    """CPU an event, with events close together and further apart."""
    for apart in _APART:
        for name in _turns(bench, runs, ("ours", "floor", "litellm")):
            rounds = 1 if name.startswith("litellm") or apart > 2 else 3
            saw = bench.load(name, *_streaming(streams, _EVENTS, apart), "--rounds", rounds)
            bench.put(f"event_{apart}", name, saw.cpu_seconds / (saw.answered * _EVENTS) * 1e6)


def _many_streams(bench: _Bench, runs: int, streams: int, events: int) -> None:
    """Time to first byte, and whether all are served to their end and none is held back by another."""
    arguments = (*_streaming(streams, events, _LONG_APART), "--ramp", events * _LONG_APART / 2000)
    for name in _turns(bench, runs, ("ours", "floor", "litellm")):
        direct, through = bench.load("stub", *arguments), bench.load(name, *arguments, watched=True)
        if through.at_once < streams:
            raise RuntimeError(f"{name}: {through.at_once} of {streams} streams were open at once; they are too short")
        bench.put("streams_done", name, through.answered)
        bench.put("streams_mb", name, through.peak_bytes / 1e6)
        bench.put("first_p50", name, through.p50_ms - direct.p50_ms)
        bench.put("first_p99", name, through.p99_ms - direct.p99_ms)


def _streaming(streams: int, events: int, apart: int) -> tuple[object, ...]:
    return ("streams", "--streams", streams, "--events", events, "--apart", apart)


def _memory(bench: _Bench, requests: int) -> None:
    """Resident memory after each tenth of the requests; the slope is that of the second half."""
    if "ours" not in bench.gateways:
        return
    pinned = bench.gateways["ours"][1]
    held = []
    for _ in range(_SAMPLES):
        bench.load("ours", "requests", "--connections", _CONNECTIONS, "--count", requests // _SAMPLES)
        held.append(pinned.resident_bytes())
        bench.put("resident_mb", "ours", held[-1] / 1e6)
    half = held[_SAMPLES // 2 - 1]
    bench.put("slope", "ours", (held[-1] - half) / 1e3 / (requests / 2 / 1e3))


def rows_of(
    found: Mapping[tuple[str, str], Sequence[float]], streams: int, concurrent: int, requests: int
) -> Iterator[Row]:
    """One row for each quantity and peer that was measured; without any peer one with our figure alone."""

    def rows(what: str, quantity: str, unit: str, peers: Mapping[str, str], ours: str = "ours") -> Iterator[Row]:
        mine = found.get((quantity, ours))
        if mine is None:
            return
        present = [name for name in peers if (quantity, name) in found]
        for name in present:
            yield Row.of(f"{what}; {peers[name]}", mine, found[quantity, name], unit)
        if not present:
            yield Row.of(what, mine, None, unit)

    everything = "with a key, all limits on the account, policy, sealing, log, metrics"
    yield from rows(f"CPU a request, {everything}", "cpu", "us", _PEERS)
    yield from rows("requests a second of one core", "rate", "1/s", _PEERS)
    scopes = "all limits on key, account and organisation"
    yield from rows(f"CPU a request, {scopes}", "cpu", "us", _PEERS, "ours-scopes")
    yield from rows(f"requests a second of one core, {scopes}", "rate", "1/s", _PEERS, "ours-scopes")
    for name, what in (
        ("ours-valkey", "counters in Valkey"),
        ("ours-always", "log synced for each answer"),
    ):
        yield from rows(f"CPU a request, {what}", "cpu", "us", {"ours": "peer: ours without"}, name)
        yield from rows(f"requests a second of one core, {what}", "rate", "1/s", {"ours": "peer: ours without"}, name)
    yield from rows("added latency at half load, p50", "p50", "ms", _PEERS)
    yield from rows("added latency at half load, p99", "p99", "ms", _PEERS)
    yield from rows("share of that time without other programs", "quiet", "1", _PEERS)
    for apart in _APART:
        what = f"CPU a streamed event, {streams} streams, one every {apart} ms"
        yield from rows(what, f"event_{apart}", "us", _PEERS)
    many = f"{concurrent} streams at once"
    yield from rows(f"{many}, complete", "streams_done", "streams", _PEERS)
    yield from rows(f"{many}, added time to first byte, p50", "first_p50", "ms", _PEERS)
    yield from rows(f"{many}, added time to first byte, p99", "first_p99", "ms", _PEERS)
    yield from rows(f"{many}, resident memory", "streams_mb", "MB", _PEERS)
    yield from rows(f"resident memory over {requests:,} requests", "resident_mb", "MB", {})
    yield from rows("its slope over their second half, for a thousand requests", "slope", "KB", {})
    yield from rows("CPU a request of stub and load generator together", "load_cpu", "us", {})
    yield from rows("CPU a request of the stub", "stub_cpu", "us", {})
