"""Fuzzes the gateway, in process and over HTTP: python -m recipes.gateway_fuzz.run [--requests 100000] [--out DIR]

In process atheris drives everything between a body's bytes and the forwarded request, and between an upstream's bytes
and the client's and the log's, guided by coverage. Then two gateways as users have them get malformed requests over
many connections at once, in front of an upstream whose answers are as wrong. Exit 1 if anything comes out but an answer
or a refusal in the client's own format; each input that did it is under `--out`/faults.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.peer_environment import peer_python
from recipes.gateway_fuzz.cases import ROWS, Cases
from recipes.gateway_fuzz.seeds import Sealed
from recipes.gateway_fuzz.traffic import Fault, Traffic
from recipes.gateway_fuzz.upstream import Upstream
from recipes.result import Result
from stillhouse.errors import RecordError
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.blobs.key_file import make_keyring
from stillhouse.guard.log.reading import SegmentReader
from tests.guard.running import ROOT, Running, config_of
from tests.guard.stub import Stub

_PINS = ("atheris==3.0.0",)
_ADDRESS = re.compile(r"0x[0-9a-f]+")
_CONNECTIONS = 96
_WARMING = 1000
_MOST_GROWTH = 100 << 20
_SECRET = {"FUZZ_SCAFFOLD_KEY": "sixteen bytes or more"}
_LOGS: tuple[dict[str, Any], ...] = (
    {"privacy": "full", "fsync": "interval"},
    {"privacy": "scaffold", "fsync": "always", "scaffold_key_env": "FUZZ_SCAFFOLD_KEY"},
)
_PLANS: dict[str, Any] = {
    "default": {},
    "closed": {"policy": {"logprobs": "refuse", "seed": "refuse", "logit_bias": "refuse", "max_n": 2}},
    "shut": {"policy": {"reasoning": "strip", "logprobs": "strip", "seed": "strip"}},
    "small": {"account": {"requests_per_minute": 60, "tokens_per_minute": 20_000, "concurrent": 2}},
    "poor": {"account": {"budget_per_day": 0.5}},
    "few": {"models": ["other"]},
}
_ACTIONS = ("observe", "slow", "strip", "verify", "suspend")
_OPEN = "open"


@dataclass
class _Found:
    """What a run has seen so far."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    """What happened -> the file that did it."""
    saved: int = 0
    over_http: int = 0
    in_process: int = 0
    growth: int = 0
    logged: int = 0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes.gateway_fuzz.run")
    parser.add_argument("--requests", type=int, default=100_000, help="over HTTP")
    parser.add_argument("--inputs", type=int, default=200_000, help="in process")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/gateway_fuzz"))
    options = parser.parse_args(argv)
    faults = options.out / "faults"
    faults.mkdir(parents=True, exist_ok=True)
    say = Result()
    found = _Found()
    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        if options.inputs:
            task = progress.add_task("in process", total=options.inputs)
            _guided(options.inputs, options.seed, faults, found, progress, task)
        each = options.requests // len(_LOGS)
        task = progress.add_task("over HTTP", total=each * len(_LOGS))
        for number, log in enumerate(_LOGS if each else ()):
            _over_http(each, options.seed * len(_LOGS) + number, log, faults, found, lambda: progress.advance(task))
    for line in _table(found):
        say(line)
    for what, file in found.faults.items():
        say(f"FAULT {what}: {file}")
    say(f"gateways grew by {found.growth / 2**20:.0f} MB at most, {found.logged:,} exchanges read back from their logs")
    say(f"{found.over_http:,} requests over HTTP, {found.in_process:,} in process, {len(found.faults)} faults")
    say(f"{time.monotonic() - begun:.0f} s, seed {options.seed}")
    figures = {
        "over_http": found.over_http,
        "in_process": found.in_process,
        "faults": len(found.faults),
        "grown_bytes": found.growth,
        "rules": dict(sorted(found.rules.items())),
    }
    say.write(options.out, figures)
    return 1 if found.faults else 0


def _guided(inputs: int, seed: int, faults: Path, found: _Found, progress: Progress, task: TaskID) -> None:
    """Run `guided` on our own python, with atheris from an environment of its own."""
    python = peer_python("atheris", _PINS)
    packages = next((python.parent.parent / "lib").glob("python*/site-packages"))
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "stderr").open("w+") as errors:
        command = [sys.executable, "-m", "recipes.gateway_fuzz.guided", str(inputs), str(seed), folder]
        last: dict[str, Any] = {}
        with subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                last = json.loads(line)
                if "done" in last:
                    progress.update(task, completed=last["done"])
        if child.returncode or "counts" not in last:
            errors.seek(0)
            text = errors.read()[-4000:]
            for artifact in (
                *Path(folder).glob("timeout-*"),
                *Path(folder).glob("crash-*"),
                *Path(folder).glob("oom-*"),
            ):
                found.faults[f"in process: {artifact.name}"] = _save(faults, artifact.name, artifact.read_bytes(), text)
            if not found.faults:
                raise RuntimeError(f"the fuzzer ended with {child.returncode}: {text}")
            return
    for name, count in last["counts"].items():
        what, kind, outcome = name.split(" ")
        found.counts[f"{kind} {what}", "inputs"] += count
        found.counts[f"{kind} {what}", "upstream" if outcome == "refused" and what != "request" else outcome] += count
        found.in_process += count
    for number, (place, fault) in enumerate(last["faults"].items()):
        file = _save(faults, f"process-{number}", bytes.fromhex(fault["input"]), f"{fault['target']}\n{fault['told']}")
        found.faults[f"{fault['target']}: {place}"] = file


def _over_http(count: int, seed: int, log: Mapping[str, Any], faults: Path, found: _Found, step: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream = Upstream(Sealed(make_keyring(folder / "blobs.key", time.time()), _OPEN))
        with Stub(upstream.script) as stub:
            upstream.clear = stub.asked.clear
            config = _config(stub.url, log)
            (folder / "guard.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
            gateway = Running(folder, _SECRET, folder / "guard.yaml")
            try:
                keys = _accounts(gateway)
                cases = Cases(seed, keys, upstream.sealed)
                traffic = Traffic(int(gateway.url.rpartition(":")[2]), cases, keys[_OPEN], step)
                asyncio.run(_traffic(traffic, gateway, count, found))
            finally:
                alive = gateway.process.poll() is None
                code = gateway.stop()
        if not alive:
            traffic.faults.append(Fault(f"the gateway ended before it was told to: {gateway.lines[-1]}", None))
        _judge_process(gateway, code, traffic)
        try:
            found.logged += sum(1 for _ in SegmentReader(folder / "exchanges"))
        except RecordError as error:
            traffic.faults.append(Fault(f"the log cannot be read: {str(error).partition(': ')[2]}", None))
        _take(traffic, gateway, faults, found)


def _config(upstream: str, log: Mapping[str, Any]) -> dict[str, Any]:
    return config_of(
        upstream,
        listen={"body_bytes": 1 << 20, "receive_seconds": 1.0},
        models=[
            {
                "name": "served",
                "upstreams": ["one"],
                "upstream_name": "inner",
                "prices": {"input": 1.0, "output": 1.0},
            },
            {"name": "other", "upstreams": ["one"]},
        ],
        plans=_PLANS,
        access={
            "trusted_proxies": ["127.0.0.1/32"],
            "country_header": "x-country",
            "countries_deny": ["KP"],
            "ip_deny": ["192.0.2.0/24"],
            "failed_keys_per_minute": 1_000_000,
            "slow": {"delay_seconds": 0.02},
        },
        blobs={"keys": "blobs.key"},
        log=dict(log),
        timeouts={"connect": 2.0, "first_byte": 0.7, "stall": 0.3},
    )


def _accounts(gateway: Running) -> dict[str, str]:
    """Secrets of an account without any rule, of one for each plan, and of one for each action."""
    keys = {}
    with gateway.state() as state:
        state.registry.create_organisation(Organisation(id="org"))
        for name in (_OPEN, *_PLANS, *_ACTIONS):
            plan = name if name in _PLANS else None
            state.registry.create_account(Account(id=name, organisation="org", plan=plan))
            keys[name] = state.registry.create_key(name).secret
            if name in _ACTIONS:
                state.registry.set_action(name, name, reason="For this run.")
    gateway.wait_for(keys["strip"])
    return keys


async def _traffic(traffic: Traffic, gateway: Running, count: int, found: _Found) -> None:
    process = psutil.Process(gateway.process.pid)
    warming = min(_WARMING, count)
    await traffic.run(0, warming, _CONNECTIONS)
    before = process.memory_info().rss
    await traffic.run(warming, count - warming, _CONNECTIONS)
    growth = process.memory_info().rss - before
    found.growth = max(found.growth, growth)
    if growth > _MOST_GROWTH:
        traffic.faults.append(Fault(f"memory grew by {growth >> 20} MB", None))
    until = time.monotonic() + 15
    async with httpx2.AsyncClient(timeout=10) as client:
        while (
            running := (await client.get(f"{gateway.admin}/v1/status")).json()["running"]
        ) and time.monotonic() < until:
            await asyncio.sleep(0.1)
    if running:
        traffic.faults.append(Fault(f"{running} requests run on after the last one", None))
    await traffic.honest(20)


def _judge_process(gateway: Running, code: int, traffic: Traffic) -> None:
    """What it said on standard error, and how it ended."""
    if code != 0:
        traffic.faults.append(Fault(f"the gateway ended with {code}", None))
    told = {fault.id for fault in traffic.faults if fault.id}
    for line in gateway.lines:
        text = str(line.get("text") or line.get("event"))
        if line.get("traceback"):
            place = _place(str(line["traceback"]))
            id = text.rpartition(" ")[2]
            for fault in traffic.faults:
                if fault.id and fault.id == id:
                    fault.what = f"{fault.what}: {place}"
            if id not in told:
                traffic.faults.append(Fault(f"a traceback: {place}", None, told=str(line["traceback"])))
        elif "text" in line or line.get("level") in ("error", "critical"):
            traffic.faults.append(Fault(f"said: {text} {line.get('why', '')}", None))


def _place(traceback: str) -> str:
    lines = traceback.strip().splitlines()
    frames = [line.strip() for line in lines if line.strip().startswith("File ")]
    ours = [frame for frame in frames if "/stillhouse/" in frame]
    place = (ours or frames or ["?"])[-1].replace(f"{ROOT}/", "")
    return f"{_ADDRESS.sub('0x', lines[-1][:200])} at {place}"


def _take(traffic: Traffic, gateway: Running, faults: Path, found: _Found) -> None:
    """Its counts and faults into those of the whole run; of faults of one kind the shortest input is kept."""
    found.counts += traffic.counts
    found.rules += traffic.rules
    found.over_http += traffic.requests
    shortest: dict[str, Fault] = {}
    for fault in traffic.faults:
        known = shortest.get(fault.what)
        if known is None or _size(fault) < _size(known):
            shortest[fault.what] = fault
    for what, fault in shortest.items():
        name = f"http-{found.saved}"
        found.saved += 1
        number = "" if fault.case is None else f" case {fault.case.number} ({fault.case.row})"
        data = b"" if fault.case is None else b"".join(fault.case.pieces)
        said = "\n".join(json.dumps(line) for line in gateway.lines if fault.id and fault.id in str(line.get("event")))
        found.faults[f"over HTTP{number}: {what}"] = _save(faults, name, data, f"{what}{number}\n{said}\n{fault.told}")


def _size(fault: Fault) -> int:
    return 1 << 30 if fault.case is None else sum(map(len, fault.case.pieces))


def _save(folder: Path, name: str, data: bytes, told: str) -> str:
    path = folder / f"{name}.bin"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(told, encoding="utf-8", errors="replace")
    return str(path)


def _table(found: _Found) -> list[str]:
    """In process by format and target, over HTTP by format and kind."""
    lines = [f"{'':32}{'inputs':>10}{'refused':>10}{'served':>10}{'upstream errors':>17}"]
    process = sorted({row for row, _ in found.counts if row not in ROWS})
    for title, rows in (("in process", process), ("over HTTP", ROWS)):
        lines.append(title)
        for row in rows:
            counts = [found.counts[row, outcome] for outcome in ("inputs", "refused", "served", "upstream")]
            lines.append(f"  {row:30}{counts[0]:>10,}{counts[1]:>10,}{counts[2]:>10,}{counts[3]:>17,}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
