"""What LiteLLM serves, as it is served, in an exchange log: name `stillhouse.guard.beside.litellm_logger.logger` as a
callback.

LiteLLM calls us on its event loop after the answer went out. There only the mapping is done; a thread writes.
Whatever goes wrong here is counted and said once, and never reaches the customer.
"""

import json
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError, RecordError, StillhouseError
from stillhouse.guard.ingest.fields import Fields
from stillhouse.guard.ingest.litellm_payload import FIELDS, exchange_of_payload
from stillhouse.guard.ingest.outcome import PassedOver
from stillhouse.records import ExchangeLog, exchange_to_record
from stillhouse.types import Exchange

__all__ = ["Recorder", "logger_from"]

_MOST_WAITING = 4096
_MOST_AT_ONCE = 512
_PATIENCE_S = 0.5
_LOOKS_S = 0.25  # how often an idle thread looks whether the process ends
_LOG = logging.getLogger("stillhouse.guard.beside.litellm")


class Recorder:
    """Exchanges to one log, written by a thread of its own. `{pid}` in the log's name stands for the process.

    A `.jsonl` gets each at once. A `.jsonl.zst` waits `patience_s` for more, because frames of many pack far better: a
    process that a signal kills loses that much. At most `most_waiting` wait for the thread; what comes then is lost.
    `counts` has `recorded`, `lost` (the queue was full), `unwritten` (the log refused, or a value is no JSON), `unread`
    (no exchange could be made of the payload) and `passed_over` (calls of another kind, such as images). The first of
    each fault is logged as a warning. The thread begins with the first exchange, in whichever process has it, and ends
    with the process after writing what waits.
    """

    def __init__(
        self, log: str, fields: Fields, *, most_waiting: int = _MOST_WAITING, patience_s: float = _PATIENCE_S
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._log, self._fields = log, fields
        self._patience_s = patience_s if log.endswith(".zst") else 0.0
        self._closed = threading.Event()
        self._writer: threading.Thread | None = None
        self._waiting: queue.Queue[Exchange] = queue.Queue(most_waiting)
        self._process: int | None = None
        self._told: set[str] = set()

    def record(self, payload: object) -> None:
        """Take LiteLLM's `standard_logging_object`. Neither waits nor raises for anything that it may hold."""
        if not isinstance(payload, Mapping):
            self._alarm("unread", "a call came without standard_logging_object")
            return
        try:
            outcome = exchange_of_payload(payload, "litellm", self._fields)
        except RecordError as error:
            self._alarm("unread", str(error))
            return
        if isinstance(outcome, PassedOver):
            self.counts["passed_over"] += 1
            return
        if self._closed.is_set():
            self._alarm("lost", "the recorder is closed")
            return
        if self._process != os.getpid():  # a forked worker has the queue of its parent, and not its thread
            self._process = os.getpid()
            self._waiting = queue.Queue(self._waiting.maxsize)
            self._writer = threading.Thread(target=self._write_on, name="stillhouse-log")
            self._writer.start()
        try:
            self._waiting.put_nowait(outcome)
        except queue.Full:
            self._alarm("lost", f"{self._waiting.maxsize} exchanges wait to be written; what comes now is lost")

    def close(self) -> None:
        """Wait until all that was recorded is written or counted, and let the log go. What comes after is lost."""
        self._closed.set()
        if self._process == os.getpid() and self._writer is not None:
            self._writer.join()

    def _write_on(self) -> None:
        """The thread. It is no daemon, and sees by itself that the process ends."""
        with ExchangeLog(Path(self._log.replace("{pid}", str(os.getpid())))) as log:
            while True:
                ends = self._closed.is_set() or not threading.main_thread().is_alive()
                batch = self._batch(ends)
                if batch:
                    self._write(log, batch)
                elif ends:
                    return

    def _batch(self, ends: bool) -> list[Exchange]:
        """What waits, and for frames also what comes meanwhile; empty after a while in which nothing came."""
        batch: list[Exchange] = []
        end = time.monotonic() + (0.0 if ends else _LOOKS_S)
        while len(batch) < _MOST_AT_ONCE:
            try:
                batch.append(self._waiting.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                break
            if len(batch) == 1:
                end = time.monotonic() + (0.0 if ends else self._patience_s)
        return batch

    def _write(self, log: ExchangeLog, batch: list[Exchange]) -> None:
        good = [exchange for exchange in batch if self._is_json(exchange)]
        try:
            log.extend(good)
            self.counts["recorded"] += len(good)
        except (StillhouseError, OSError) as error:
            self._alarm("unwritten", str(error), len(good))

    def _is_json(self, exchange: Exchange) -> bool:
        """Whether it can be written. The values are LiteLLM's, and it may still be changing them."""
        try:
            json.dumps(exchange_to_record(exchange), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RuntimeError) as error:
            self._alarm("unwritten", f"call {exchange.extra.get('call')}: {error}")
            return False
        return True

    def _alarm(self, kind: str, text: str, count: int = 1) -> None:
        self.counts[kind] += count
        if kind not in self._told:
            self._told.add(kind)
            _LOG.warning("stillhouse: %s (%s; said once, counted from now on)", text, kind)


def logger_from(environ: Mapping[str, str]) -> Any:
    """A LiteLLM `CustomLogger` with a `recorder`, as the environment says; ConfigError where that cannot be.

    STILLHOUSE_LOG: the log, `.jsonl` or `.jsonl.zst`; `{pid}` in it stands for the process, of which each needs a log
    of its own. STILLHOUSE_ACCOUNT: the field of the payload that says whose call it is.
    """
    name = environ.get("STILLHOUSE_LOG", "")
    if not name.endswith((".jsonl", ".jsonl.zst")):
        raise ConfigError(f"STILLHOUSE_LOG is '{name}'; set it to the .jsonl or .jsonl.zst file to write to")
    if not Path(name).absolute().parent.is_dir():
        raise ConfigError(f"STILLHOUSE_LOG is '{name}'; make its folder first")
    account = environ.get("STILLHOUSE_ACCOUNT")
    recorder = Recorder(name, Fields(FIELDS, {"account": account} if account else {}))

    from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found]

    class StillhouseLogger(CustomLogger):  # type: ignore[misc]
        """LiteLLM's side: two events, one payload."""

        def __init__(self) -> None:
            super().__init__()
            self.recorder = recorder

        async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            recorder.record(kwargs.get("standard_logging_object"))

        async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            recorder.record(kwargs.get("standard_logging_object"))

    return StillhouseLogger()


def __getattr__(name: str) -> Any:
    """`logger` is made when LiteLLM asks for it, so that importing this module needs no LiteLLM and does nothing."""
    if name != "logger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()["logger"] = logger_from(os.environ)
    return made
