"""Counters that several gateways share through Valkey or Redis: one step there, one round trip here.

Clocks. The server's is not asked: a gateway sends its own time. Buckets are named by when they began, so a gateway
whose clock is off by d seconds counts in a neighbouring bucket for d seconds around each boundary and does no harm
otherwise: up to d / window of a sliding limit, and what comes in d seconds around midnight of a daily one, is weighed
wrongly. Leases last LEASE_SECONDS and are renewed after a third of that, so clocks that are 40 seconds apart free no
slot too soon.

Outages. Where no reply comes within `seconds`, all counting moves into this process at once, under the same limits and
starting from what Valkey last told of days and months; a task tries to get back, and hands over what days and months
got meanwhile. So during an outage each gateway has its own minute, and its own rest of the day. A server that comes
back empty is first told what days and months stood at. Counted double is possible (a step whose reply was lost);
forgotten are only the minutes, unless the gateway ends too.

Clusters. All names of one step share their hash tag, so they lie in one slot; to be sent on to another node (MOVED) is
not understood, so give the address of a proxy, or of a cluster of one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from stillhouse.guard.counters.base import LEASE_SECONDS, SLOT_SECONDS, Claim, Correction, Exceeded, Slot, Taken
from stillhouse.guard.counters.commands import HOLDERS_MS, Arguments, Commands, one_count
from stillhouse.guard.counters.link import Link, LinkLost, Refused, pack, parse_address
from stillhouse.guard.counters.memory import MemoryCounters, WindowKey
from stillhouse.guard.counters.scripts import ADD, RAISE, SETTLE, TAKE, Script
from stillhouse.guard.counters.window import Calendar, seconds_until, weight_before

__all__ = ["ValkeyCounters"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_HANDED_AT_ONCE = 200


class ValkeyCounters:
    """`outages` counts how often counting moved into this process; `away` says whether it is there now.

    `start` connects, or begins with an outage. Raises ConfigError where `url` is no address.
    """

    def __init__(self, url: str, seconds: float = 0.05) -> None:
        self._address = parse_address(url)
        self._seconds = seconds
        self._link: Link | None = None
        self._local = MemoryCounters()
        self._calendar = Calendar()
        self._commands = Commands(self._calendar)
        self._seen: dict[WindowKey, float] = {}
        self._seen_day = 0.0
        self._owed: dict[WindowKey, float] = {}
        self._server = b""
        self._pause = _FIRST_PAUSE
        self._returning: asyncio.Task[None] | None = None
        self.outages = 0

    @property
    def away(self) -> bool:
        return self._link is None

    async def start(self) -> None:
        """Connect. Where that fails, say so, count here, and go on trying."""
        try:
            await self._connect()
        except (LinkLost, Refused) as error:
            self._leave(str(error))

    async def take(
        self, claims: Sequence[Claim], now: float, slots: Sequence[Slot] = (), lease: str = ""
    ) -> Taken | Exceeded:
        link = self._link
        if link is None:
            return await self._local.take(claims, now, slots, lease)
        try:
            reply = await self._run(link, TAKE, self._commands.take(claims, now, slots, lease))
        except (LinkLost, Refused) as error:
            self._lost(link, str(error))
            return await self._local.take(claims, now, slots, lease)
        failed, *counts = map(float, reply.split())
        if failed:
            return _exceeded(claims, slots, int(failed) - 1, counts[0], counts[1], now)
        self._see(claims, counts, now)
        return Taken(tuple(counts), now, lease, tuple([slot.name for slot in slots]))

    async def settle(self, taken: Taken, corrections: Sequence[Correction], now: float) -> None:
        link = self._link
        if link is None:
            await self._local.settle(taken, corrections, now)
            return
        # What sliding windows of an outage held is forgotten, so nothing can be given back there.
        counted = [each for each in corrections if each.amount >= 0 or not taken.place or isinstance(each.window, str)]
        if not counted and not taken.slots:
            return
        try:
            await self._run(link, SETTLE, self._commands.settle(counted, taken.slots, taken.lease, taken.at, now))
        except (LinkLost, Refused) as error:
            self._lost(link, str(error))
            await self._local.settle(taken, corrections, now)
            return
        for name, window, amount in counted:
            if isinstance(window, str):
                key = (name, self._calendar.bounds(window, now if amount > 0 else taken.at)[0])
                if key in self._seen:
                    self._seen[key] += amount

    async def renew(self, held: Iterable[Taken], now: float) -> None:
        held = list(held)
        link = self._link
        if link is None:
            await self._local.renew(held, now)
            return
        until = repr(now + LEASE_SECONDS)
        replies = []
        for taken in held:
            for name in taken.slots:
                replies.append(link.call(pack("ZADD", name, until, taken.lease)))
                replies.append(link.call(pack("PEXPIRE", name, HOLDERS_MS)))
        for answer in await asyncio.gather(*replies, return_exceptions=True):
            if isinstance(answer, LinkLost | Refused):
                self._lost(link, str(answer))
                await self._local.renew(held, now)
                return

    async def close(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._returning
        if self._link is not None:
            self._link.abort("closed")
            self._link = None

    async def _run(self, link: Link, script: Script, arguments: Arguments) -> Any:
        try:
            return await link.call(arguments.called(script))
        except Refused as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await link.call(arguments.with_text(script))

    def _see(self, claims: Sequence[Claim], used: Sequence[float], now: float) -> None:
        """Remember what days and months stand at: what an outage starts from."""
        day = self._calendar.bounds("day", now)[0]
        if day != self._seen_day:
            month = self._calendar.bounds("month", now)[0]
            self._seen_day = day
            self._seen = {key: value for key, value in self._seen.items() if key[1] in (day, month)}
        for claim, amount in zip(claims, used, strict=True):
            if isinstance(claim.window, str):
                self._seen[claim.name, self._calendar.bounds(claim.window, now)[0]] = amount

    def _lost(self, link: Link, reason: str) -> None:
        """Many requests find out at the same time; the first one says so."""
        link.abort(reason)
        if self._link is link:
            self._link = None
            self._leave(reason)

    def _leave(self, reason: str) -> None:
        self.outages += 1
        self._local = MemoryCounters(self._seen, place=self.outages)
        _log.warning("counters at %s are away (%s); limits count in this gateway alone", self._address, reason)
        self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        """Try until the server answers again, ever more rarely, and move the counting back."""
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            try:
                link = await self._connect()
            except (LinkLost, Refused):
                continue
            _log.warning("counters at %s are back", self._address)
            await self._hand_over(link)
            return

    async def _connect(self) -> Link:
        link = await Link.open(self._address, self._seconds)
        try:
            info: bytes = await link.call(pack("INFO", "server"))
            server = info.partition(b"run_id:")[2].partition(b"\r\n")[0]
            for script in (TAKE, SETTLE, ADD, RAISE):
                await link.call(pack("SCRIPT", "LOAD", script.text))
            if self._server not in (b"", server):
                await self._restore(link)
            self._server = server
            # From here on requests count there; what was counted here goes there ahead of them, in the same turn.
            self._link = link
        finally:  # also where this task is cancelled
            if self._link is not link:
                link.abort("it is not used")
        for key, value in self._local.changes().items():
            self._owed[key] = self._owed.get(key, 0.0) + value
        self._local = MemoryCounters()
        return link

    async def _restore(self, link: Link) -> None:
        """Another process answers than before, so it may have lost what days and months stood at."""
        seen = list(self._seen.items())
        for first in range(0, len(seen), _HANDED_AT_ONCE):
            part = seen[first : first + _HANDED_AT_ONCE]
            await asyncio.gather(*[link.call(one_count(key, value).called(RAISE)) for key, value in part])

    async def _hand_over(self, link: Link) -> None:
        while self._owed:
            part = list(self._owed.items())[:_HANDED_AT_ONCE]
            calls = [link.call(one_count(key, value).called(ADD)) for key, value in part]
            for key, value in part:
                del self._owed[key]
                if key in self._seen:
                    self._seen[key] += value
            try:
                await asyncio.gather(*calls)
            except (LinkLost, Refused) as error:
                for key, value in part:
                    self._owed[key] = self._owed.get(key, 0.0) + value
                    if key in self._seen:
                        self._seen[key] -= value
                self._lost(link, str(error))
                return
        self._pause = _FIRST_PAUSE


def _exceeded(
    claims: Sequence[Claim], slots: Sequence[Slot], at: int, running: float, before: float, now: float
) -> Exceeded:
    if at >= len(claims):
        return Exceeded(slots[at - len(claims)], running, SLOT_SECONDS)
    claim = claims[at]
    window = claim.window
    used = running
    if not isinstance(window, str):
        used += before * weight_before(window, now)
    return Exceeded(claim, used, seconds_until(window, claim.limit, claim.amount, running, before, now))
