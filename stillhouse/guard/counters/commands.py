"""What is sent to Valkey for a step, made as text that is ready for the wire.

Most of it stays the same from one request to the next: the names of the buckets, the limits, how long they are kept. So
that is kept too, for as long as its bucket runs; it is half of what a step costs this process.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stillhouse.guard.counters.base import LEASE_SECONDS, Claim, Correction, Slot
from stillhouse.guard.counters.link import bulk
from stillhouse.guard.counters.scripts import Script
from stillhouse.guard.counters.window import Calendar, Window, weight_before

__all__ = ["HOLDERS_MS", "SKEW_MS", "Arguments", "Commands", "bucket_name", "one_count"]

SKEW_MS = 60_000
"""How much longer than its window a bucket is kept, for clocks that are behind."""
HOLDERS_MS = str(round(2000 * LEASE_SECONDS))
"""How long the holders of a slot are kept."""
_MONTH_MS = str(32 * 86_400_000)
_KEPT_NAMES = 1 << 17


class Arguments(NamedTuple):
    """Keys and arguments of a script: how many keys, how many of both, and all of them for the wire."""

    keys: int
    parts: int
    text: str

    def called(self, script: Script) -> bytes:
        """The script called by its digest."""
        return self._whole(bulk("EVALSHA") + script.digest_bulk)

    def with_text(self, script: Script) -> bytes:
        """The script sent along: the server does not know it (any more)."""
        return self._whole(bulk("EVAL") + bulk(script.text))

    def _whole(self, head: str) -> bytes:
        return f"*{self.parts + 3}\r\n{head}{bulk(str(self.keys))}{self.text}".encode()


class _Ready(NamedTuple):
    """What does not change about a claim while its bucket runs."""

    start: float
    end: float
    limit: float
    keys: str
    limit_text: str
    kept_text: str


class Commands:
    """Makes the arguments of the scripts. One a connection's owner; `calendar` is shared with him."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._ready: dict[str, _Ready] = {}

    def take(self, claims: Sequence[Claim], now: float, slots: Sequence[Slot], lease: str) -> Arguments:
        """The arguments of TAKE."""
        keys: list[str] = []
        rest = [
            bulk(repr(now)),
            bulk(lease),
            bulk(repr(now + LEASE_SECONDS)),
            bulk(HOLDERS_MS),
            bulk(str(len(claims))),
        ]
        sliding = 0
        for name, window, limit, amount in claims:
            ready = self._ready.get(name)
            if ready is None or not ready.start <= now < ready.end or limit != ready.limit:
                ready = self._make_ready(name, window, limit, now)
            keys.append(ready.keys)
            if isinstance(window, str):
                rest.append("$0\r\n\r\n")
            else:
                sliding += 1
                rest.append(bulk(repr(weight_before(window, now))))
            rest += (ready.limit_text, bulk(repr(amount)), ready.kept_text)
        for slot in slots:
            keys.append(bulk(slot.name))
            rest.append(bulk(str(slot.limit)))
        count = len(keys) + sliding
        return Arguments(count, count + len(rest), "".join(keys) + "".join(rest))

    def settle(
        self, corrections: Sequence[Correction], slots: Sequence[str], lease: str, back: float, now: float
    ) -> Arguments:
        """The arguments of SETTLE. What is given back goes to the buckets of the time `back`."""
        keys: list[str] = []
        rest = [bulk(lease), bulk(str(len(corrections)))]
        for name, window, amount in corrections:
            at = now if amount > 0 else back
            start, end = self.bounds(window, at)
            keys.append(bulk(bucket_name(name, start)))
            rest += (bulk(repr(amount)), bulk(_kept_ms(window, end, at)))
        keys += [bulk(name) for name in slots]
        return Arguments(len(keys), len(keys) + len(rest), "".join(keys) + "".join(rest))

    def bounds(self, window: Window, at: float) -> tuple[float, float]:
        if isinstance(window, str):
            return self._calendar.bounds(window, at)
        start = at // window * window
        return start, start + window

    def _make_ready(self, name: str, window: Window, limit: float, now: float) -> _Ready:
        start, end = self.bounds(window, now)
        keys = bulk(bucket_name(name, start))
        if not isinstance(window, str):
            keys += bulk(bucket_name(name, start - window))
        ready = _Ready(start, end, limit, keys, bulk(repr(limit)), bulk(_kept_ms(window, end, now)))
        if len(self._ready) >= _KEPT_NAMES:
            self._ready.clear()
        self._ready[name] = ready
        return ready


def one_count(key: tuple[str, float], value: float) -> Arguments:
    """The arguments of ADD and RAISE: a calendar window's count, kept for as long as the longest one needs it."""
    text = bulk(bucket_name(*key)) + bulk(repr(value)) + bulk(_MONTH_MS)
    return Arguments(1, 3, text)


def bucket_name(name: str, start: float) -> str:
    """The key of a name's count in the bucket or calendar window that begins at `start`."""
    return f"{name}:{start:.0f}"


def _kept_ms(window: Window, end: float, at: float) -> str:
    """A bucket is needed for as long as its window runs, and where it slides, for one window more."""
    return f"{(end - at) * 1000 + SKEW_MS + (0 if isinstance(window, str) else 1000 * window):.0f}"
