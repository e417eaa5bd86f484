"""`stillhouse guard serve` as its users have it: a process of its own, over real HTTP, in front of any upstream.

with running(folder, upstream_url) as gateway:
    secret = gateway.key("acct_1")
    ...
    gateway.exchanges()
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from stillhouse.types import Exchange

__all__ = ["Running", "config_of", "running"]

ROOT = Path(__file__).resolve().parents[2]


def config_of(upstream: str, **changes: Any) -> dict[str, Any]:
    """A guard.yaml for one upstream that serves the model `served` (its own name: `inner`), free ports, all on."""
    config: dict[str, Any] = {
        "listen": {"port": 0},
        "admin": {"port": 0},
        "upstreams": [{"name": "one", "base_url": upstream}],
        "models": [{"name": "served", "upstreams": ["one"], "upstream_name": "inner"}],
        "state": {"refresh_seconds": 0.05},
        "log": {"folder": "exchanges", "interval_seconds": 0.05},
    }
    for name, value in changes.items():
        old = config.get(name)
        config[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return config


class Running:
    """A started gateway. `lines` is what it said on standard error, each a JSON object."""

    def __init__(self, folder: Path, environ: Mapping[str, str], config: Path) -> None:
        self.folder, self.config = folder, config
        self.lines: list[dict[str, Any]] = []
        self._ready = threading.Event()
        command = [sys.executable, "-m", "stillhouse", "guard", "serve", "--config", str(config)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._ready.wait(60):
            self.process.kill()
            raise RuntimeError(f"the gateway did not come up: {self.lines}")
        if self.process.poll() is not None and not self.url:
            raise RuntimeError(f"the gateway ended with {self.process.returncode}: {self.lines}")

    @property
    def url(self) -> str:
        return next((str(line["url"]) for line in self.lines if line.get("event") == "listening"), "")

    @property
    def admin(self) -> str:
        return next((str(line["admin"]) for line in self.lines if line.get("event") == "listening"), "")

    def state(self) -> Any:
        """Registry and ledger over the gateway's own database, as the command line opens them."""
        from stillhouse.config import load
        from stillhouse.guard.settings import GuardSettings
        from stillhouse.guard.state.open import open_state

        return open_state(load(GuardSettings, self.config), self.folder, os.environ)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, timeout: float = 40.0) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self._end()
        return code

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        self._end()

    def _end(self) -> None:
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def wait_for(self, secret: str) -> None:
        """Until the gateway knows the key."""
        for _ in range(500):
            if httpx2.get(f"{self.url}/v1/models", headers={"x-api-key": secret}).status_code == 200:
                return
            time.sleep(0.05)
        raise AssertionError("the gateway does not know the key")

    def wait_said(self, event: str) -> dict[str, Any]:
        """The last line of the log that has this event, once there is one."""
        for _ in range(200):
            said = [line for line in self.lines if line.get("event") == event]
            if said:
                return said[-1]
            time.sleep(0.05)
        raise AssertionError(f"no line says '{event}': {self.lines}")

    def exchange(self, id: str, seconds: float = 5.0) -> Exchange:
        """The exchange `id` in the log, once it is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [exchange for exchange in self.exchanges() if exchange.id == id]
            if found:
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"{id} is not in the log")

    def exchanges(self) -> list[Exchange]:
        """What is in the log on disk now."""
        from stillhouse.guard.log.reading import SegmentReader

        return list(SegmentReader(self.folder / "exchanges"))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"text": line.rstrip()})
            if self.lines[-1].get("event") == "listening":
                self._ready.set()
        self._ready.set()


@contextmanager
def running(folder: Path, upstream: str, environ: Mapping[str, str] | None = None, **changes: Any) -> Iterator[Running]:
    """A gateway in `folder`, made for this and stopped at the block's end. `changes` are sections of its config."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "guard.yaml"
    config.write_text(yaml.safe_dump(config_of(upstream, **changes)), encoding="utf-8")
    gateway = Running(folder, environ or {}, config)
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            try:
                gateway.stop()
            except subprocess.TimeoutExpired:
                gateway.kill()
                raise
        assert not [line for line in gateway.lines if line.get("traceback")], gateway.lines
