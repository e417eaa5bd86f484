"""The gateway's process: opens what it needs, serves until it is told to stop, and puts everything away.

Started in the order in which things can be wrong, so that a fault is one line before any port is open. Stopped in the
opposite order: no new requests, running ones to their end, the log to the disk, the state closed.
"""

import asyncio
import gc
import hashlib
import logging
import os
import random
import re
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import disable_created_metrics
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette

from stillhouse import __version__
from stillhouse.config import dump, load
from stillhouse.errors import StillhouseError, StorageError
from stillhouse.guard.access.directory import Directory
from stillhouse.guard.access.limits import FailedKeys, Limiter
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.admin.app import admin_app
from stillhouse.guard.beside.litellm_guardrail import Guardrail
from stillhouse.guard.counters.base import Counters
from stillhouse.guard.counters.open import counters_of
from stillhouse.guard.counters.valkey import ValkeyCounters
from stillhouse.guard.gateway.admission import Admitting
from stillhouse.guard.gateway.app import Gateway
from stillhouse.guard.gateway.gate import DecisionGate
from stillhouse.guard.gateway.listener import Listener, bind
from stillhouse.guard.gateway.logs import log_to_stderr
from stillhouse.guard.gateway.metrics import Metrics, metrics_route
from stillhouse.guard.gateway.prepare import prepare
from stillhouse.guard.gateway.protocol import GuardedHttp, guarded_http
from stillhouse.guard.gateway.record import draft_of_exchange
from stillhouse.guard.gateway.runtime import make_runtime, needs_restart
from stillhouse.guard.gateway.traces import Traces
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.live.process import Order
from stillhouse.guard.live.supervisor import Supervisor
from stillhouse.guard.log.ids import ExchangeIds
from stillhouse.guard.log.writer import ExchangeWriter
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.database import database_fault
from stillhouse.guard.state.open import State, open_state
from stillhouse.guard.upstreams.client import UpstreamClient
from stillhouse.guard.upstreams.probe import probe_all
from stillhouse.types import Exchange

__all__ = ["serve"]

_log = logging.getLogger("stillhouse.guard")


def serve(config: Path, overrides: Sequence[str], environ: Mapping[str, str], *, quiet: bool = False) -> int:
    """Serve until SIGTERM (returns 0) or SIGINT (returns 130). Raises ConfigError before anything is served."""
    settings = load(GuardSettings, config, overrides)
    log_to_stderr(quiet)
    disable_created_metrics()
    try:
        return uvloop.run(_Process(config, overrides, settings, environ, quiet).run())
    except SQLAlchemyError as error:
        raise StorageError(f"state.database: {database_fault(error)}; make it writable, then start again") from None


class _Process:
    """Everything that lives as long as the process does."""

    def __init__(
        self,
        config: Path,
        overrides: Sequence[str],
        settings: GuardSettings,
        environ: Mapping[str, str],
        quiet: bool,
    ) -> None:
        self._config, self._overrides, self._environ, self._quiet = config, overrides, environ, quiet
        self._settings = settings
        self._folder = config.resolve().parent
        self._reloading = threading.Lock()
        self._told: asyncio.Future[int]
        self._gateway: Gateway
        self._state: State
        self._failed_keys: FailedKeys
        self._detection: Supervisor | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._told = loop.create_future()
        settings, environ = self._settings, self._environ
        prepared = prepare(settings, self._folder, environ)
        async with AsyncExitStack() as stack:
            public = bind(settings.listen.host, settings.listen.port, "listen")
            stack.callback(public.close)
            private = bind(settings.admin.host, settings.admin.port, "admin")
            stack.callback(private.close)
            state = self._state = await asyncio.to_thread(open_state, settings, self._folder, environ)
            stack.callback(state.close)
            await asyncio.to_thread(state.ledger.open)
            directory = Directory()
            await asyncio.to_thread(directory.load, state.engine)
            counters = await stack.enter_async_context(counters_of(prepared.counters, state.engine, time.time))
            limiter = Limiter(counters)
            failed_keys = self._failed_keys = FailedKeys(settings.access.failed_keys_per_minute)
            limiter.start(time.time)
            stack.push_async_callback(limiter.close)
            name = _gateway_name()
            writer = ExchangeWriter(
                settings.log,
                self._folder / settings.log.folder,
                gateway=name,
                clock=time.time,
                scaffold_secret=prepared.scaffold_secret,
                on_removed=self._removed,
            )
            writer.start(loop)
            stack.push_async_callback(writer.close)
            client = UpstreamClient(settings.timeouts.connect)
            stack.push_async_callback(client.close)
            traces = Traces(settings.telemetry, __version__) if settings.telemetry.traces else None
            if traces is not None:
                stack.push_async_callback(asyncio.to_thread, traces.close)
            metrics = Metrics()
            gateway = self._gateway = Gateway(
                prepared.runtime,
                Admitting(directory, limiter, failed_keys),
                limiter,
                writer,
                client,
                metrics,
                ExchangeIds(_random_bytes()),
                time.time,
                random.Random(),
                traces,
                self._beside(directory, writer, prepared.beside_token),
            )
            await asyncio.to_thread(self._record_policy, settings)
            work: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "reading accounts and decisions": lambda: directory.follow(
                    state.engine, settings.state.refresh_seconds
                ),
                "probing upstreams": lambda: probe_all(lambda: gateway.runtime.upstreams.values(), client),
            }
            if settings.detect.reference is not None:
                detection = self._detection = Supervisor(Order(settings, self._folder, self._quiet), environ)
                work["detecting campaigns"] = detection.run
            for what, start in work.items():
                stack.push_async_callback(_end, asyncio.create_task(_always(what, start)))
            # Names of plans and models are checked against the config that is in force, not the one of the start.
            registry = Registry(state.engine, state.ledger, settings=lambda: self._settings)
            admin = admin_app(
                registry,
                directory,
                state.ledger,
                prepared.admin_token,
                self._reload,
                self._status,
                hosts=settings.admin.hosts,
                routes=[metrics_route(lambda: self._page(metrics, writer, directory, counters))],
            )
            http = guarded_http(lambda rule: metrics.refusal(rule)(), settings.listen.connections)
            doors = Listener(gateway, public, http=http, drain_seconds=settings.drain_seconds + 5)
            back_door = Listener(admin, private, http=GuardedHttp, drain_seconds=1)
            await doors.start()
            await back_door.start()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop, number)
            loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reload_by_signal()))
            where = {"url": _url(public), "admin": _url(private), "gateway": name, "version": __version__}
            _log.info("listening", extra={"fields": where})
            # What was made up to here stays: looking through it again and again would cost every request a part.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            code = await self._told
            gateway.draining = True
            _log.info("draining", extra={"fields": {"running": gateway.running}})
            stopping = asyncio.create_task(doors.stop())
            await asyncio.wait([stopping], timeout=settings.drain_seconds)
            if not stopping.done():
                _log.warning("requests are ended", extra={"fields": {"running": gateway.running}})
                gateway.end()
            await stopping
            await back_door.stop()
        _log.info("stopped")
        return code

    def _beside(self, directory: Directory, writer: ExchangeWriter, token: bytes | None) -> Starlette | None:
        """What answers another gateway's questions, where a token for them is set."""
        if token is None:
            return None

        def record(exchange: Exchange) -> None:
            writer.add(draft_of_exchange(exchange))

        gate = DecisionGate(directory, time.time, lambda: self._gateway.runtime.settings.access.contact)
        guardrail = Guardrail(
            gate,
            clock=time.time,
            api_key=token.decode(),
            on_exchange=record,
            on_alarm=_log.error,
        )
        return Starlette(routes=[guardrail.route()])

    def _stop(self, number: int) -> None:
        if not self._told.done():
            self._told.set_result(130 if number == signal.SIGINT else 0)

    async def _reload_by_signal(self) -> None:
        """SIGHUP. A faulty config is one line in the log, and the old one stays."""
        try:
            await asyncio.to_thread(self._reload)
        except (StillhouseError, SQLAlchemyError, OSError) as error:
            why = database_fault(error) if isinstance(error, SQLAlchemyError) else str(error)
            _log.error("config not reloaded", extra={"fields": {"why": why}})

    def _reload(self) -> None:
        """Read the config again and serve new requests by it; those that run go on by the old one. Blocks.

        Raises ConfigError where it is faulty or needs a restart; the old one stays.
        """
        with self._reloading:
            settings = load(GuardSettings, self._config, self._overrides)
            needs_restart(self._settings, settings)
            runtime = make_runtime(settings, self._folder, self._environ, time.monotonic, self._gateway.runtime)
            self._record_policy(settings)
            self._settings = settings
            self._failed_keys.per_minute = settings.access.failed_keys_per_minute
            self._gateway.runtime = runtime
        _log.info("config reloaded", extra={"fields": {"config": str(self._config)}})

    def _record_policy(self, settings: GuardSettings) -> None:
        """The ledger says under which rules it went on, each time that they change. No secret is in them."""
        digest = hashlib.sha256(dump(settings).encode()).hexdigest()
        last = list_entries(self._state.engine, kind="policy.changed", last=1)
        if not last or last[0].details.get("sha256") != digest:
            rules = settings.model_dump(mode="json", include={"plans", "models", "access", "blobs", "log", "detect"})
            details = {"sha256": digest, "rules": rules}
            self._state.ledger.append("policy.changed", actor="gateway", subject=str(self._config), details=details)

    def _removed(self, path: Path, digest: str, exchanges: int | None) -> None:
        """Retention took a segment of the log away: the ledger keeps what it was."""
        details = {"digest": digest, "exchanges": exchanges}
        try:
            self._state.ledger.append("log.removed", actor="gateway", subject=path.name, details=details)
        except SQLAlchemyError as error:
            raise StorageError(f"the ledger cannot be written: {database_fault(error)}") from None

    def _page(self, metrics: Metrics, writer: ExchangeWriter, directory: Directory, counters: Counters) -> bytes:
        """The metrics' page; what only has a state now is looked at now."""
        metrics.running.set(self._gateway.running)
        metrics.log_waiting_bytes.set(writer.waiting_bytes)
        metrics.log_lost.set(writer.lost)
        metrics.directory_age.set(directory.seconds_behind)
        metrics.counters_alone.set(isinstance(counters, ValkeyCounters) and counters.away)
        if self._detection is not None:
            metrics.detection(self._detection.status)
            metrics.detection_starts.set(self._detection.starts)
        sealer = self._gateway.runtime.sealer
        for why, count in (sealer.passed if sealer is not None else {}).items():
            metrics.blobs_passed.labels(why).set(count)
        for upstream in self._gateway.runtime.upstreams.values():
            metrics.upstream_resting.labels(upstream.name).set(upstream.resting)
        return metrics.page()

    def _status(self) -> dict[str, Any]:
        """What an operator asks first."""
        gateway, detection = self._gateway, self._detection
        return {
            "version": __version__,
            "running": gateway.running,
            "draining": gateway.draining,
            "models": sorted(gateway.runtime.models),
            "upstreams": {name: {"resting": up.resting} for name, up in gateway.runtime.upstreams.items()},
            "detection": None if detection is None else detection.status.as_record() | {"starts": detection.starts},
        }


def _random_bytes() -> Callable[[int], bytes]:
    """`secrets.token_bytes` by the page: a system call for every request is a request's time spent on four bytes."""
    page, at = b"", 0

    def take(count: int) -> bytes:
        nonlocal page, at
        if at + count > len(page):
            page, at = secrets.token_bytes(max(4096, count)), 0
        at += count
        return page[at - count : at]

    return take


def _gateway_name() -> str:
    """Host and process: part of the names of the log's segments."""
    host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-")[:40] or "gateway"
    return f"{host}-{os.getpid()}"


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _always(what: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Work that must go on as long as the process does: whatever ends it is a fault of ours, told and begun anew."""
    while True:
        try:
            await start()
        except Exception:
            _log.exception("%s failed, and is begun anew", what)
        await asyncio.sleep(1.0)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
