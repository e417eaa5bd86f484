"""Counters of one process: a dictionary, and no await between looking and taking, so every step is atomic.

Also what a gateway counts with while it cannot reach the counters that it shares.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from stillhouse.guard.counters.base import LEASE_SECONDS, SLOT_SECONDS, Claim, Correction, Exceeded, Slot, Taken
from stillhouse.guard.counters.window import Window, bounds, seconds_until

__all__ = ["MemoryCounters", "WindowKey"]

WindowKey = tuple[str, float]
"""A name, and when its calendar window began."""

_SWEPT_FOR_ONE = 2  # more than one, so that what is over goes faster than new names can come


class _Cell:
    """A name's running bucket and, where the window slides, the one before. `width` is 0 in a calendar window."""

    __slots__ = ("before", "end", "running", "saved", "start", "width")

    def __init__(self, start: float, end: float, width: float, running: float) -> None:
        self.start = start
        self.end = end
        self.width = width
        self.running = running
        self.before = 0.0
        self.saved = running


class MemoryCounters:
    """`kept` is what calendar windows held before: it counts where its window still runs when its name is next asked.

    Memory is at most about twice that of the names within their windows: each new name has two others looked at, and
    those that are over are forgotten.
    """

    def __init__(self, kept: Mapping[WindowKey, float] | None = None, place: int = 0) -> None:
        self._cells: dict[str, _Cell] = {}
        self._order: deque[str] = deque()
        self._slots: dict[str, dict[str, float]] = {}
        self._kept = dict(kept or {})
        self._changed: set[str] = set()
        self._ended: dict[WindowKey, float] = {}
        self._place = place

    def __len__(self) -> int:
        """How many names are counted."""
        return len(self._cells)

    async def take(
        self, claims: Sequence[Claim], now: float, slots: Sequence[Slot] = (), lease: str = ""
    ) -> Taken | Exceeded:
        cells = self._cells
        found: list[tuple[_Cell, str, float]] = []
        stands: list[float] = []
        for claim in claims:
            name, window, limit, amount = claim
            cell = cells.get(name)
            if cell is None or now >= cell.end:
                cell = self._turn(name, window, now, cell)
            used = cell.running
            if cell.before:
                passed = now - cell.start
                used += cell.before * (1.0 - passed / cell.width if passed > 0 else 1.0)
            if used + amount > limit or (not amount and used >= limit):
                return Exceeded(claim, used, seconds_until(window, limit, amount, cell.running, cell.before, now))
            stands.append(used + amount)
            if amount:
                found.append((cell, name, amount))
        for slot in slots:
            holders = self._slots.get(slot.name)
            if holders is not None and len(holders) >= slot.limit and self._lapse(holders, now) >= slot.limit:
                return Exceeded(slot, float(len(holders)), SLOT_SECONDS)
        for cell, name, amount in found:
            cell.running += amount
            if not cell.width:
                self._changed.add(name)
        for slot in slots:
            self._slots.setdefault(slot.name, {})[lease] = now + LEASE_SECONDS
        return Taken(tuple(stands), now, lease, tuple([slot.name for slot in slots]), self._place)

    async def settle(self, taken: Taken, corrections: Sequence[Correction], now: float) -> None:
        for name in taken.slots:
            holders = self._slots.get(name)
            if holders is not None:
                holders.pop(taken.lease, None)
                if not holders:
                    del self._slots[name]
        for name, window, amount in corrections:
            cell = self._cells.get(name)
            if amount > 0:
                if cell is None or now >= cell.end:
                    cell = self._turn(name, window, now, cell)
                cell.running += amount
            elif cell is not None and (not cell.width or taken.place == self._place):
                if taken.at >= cell.start:
                    cell.running = max(0.0, cell.running + amount)
                elif taken.at >= cell.start - cell.width:
                    cell.before = max(0.0, cell.before + amount)
            if cell is not None and not cell.width:
                self._changed.add(name)

    async def renew(self, held: Iterable[Taken], now: float) -> None:
        for taken in held:
            for name in taken.slots:
                self._slots.setdefault(name, {})[taken.lease] = now + LEASE_SECONDS

    async def close(self) -> None:
        """Nothing is open."""

    def changes(self) -> dict[WindowKey, float]:
        """What calendar windows have got (or lost) since the last call."""
        changes, self._ended = self._ended, {}
        for name in self._changed:
            cell = self._cells.get(name)
            if cell is not None and cell.running != cell.saved:
                changes[name, cell.start] = changes.get((name, cell.start), 0.0) + cell.running - cell.saved
                cell.saved = cell.running
        self._changed.clear()
        return changes

    def _turn(self, name: str, window: Window, now: float, old: _Cell | None) -> _Cell:
        """The name's cell for now: a first one, or the next one."""
        start, end = bounds(window, now)
        width = 0.0 if isinstance(window, str) else float(window)
        kept = 0.0 if width else self._kept.pop((name, start), 0.0)
        cell = _Cell(start, end, width, kept)
        self._cells[name] = cell
        if old is None:
            self._order.append(name)
            self._sweep(now)
        elif not width:
            self._end(name, old)
        elif old.end == start:
            cell.before = old.running
        return cell

    def _end(self, name: str, cell: _Cell) -> None:
        """What a calendar window held at its end is still told by `changes`."""
        if cell.running != cell.saved:
            key = (name, cell.start)
            self._ended[key] = self._ended.get(key, 0.0) + cell.running - cell.saved

    def _sweep(self, now: float) -> None:
        order = self._order
        for _ in range(min(_SWEPT_FOR_ONE, len(order))):
            name = order.popleft()
            cell = self._cells[name]
            if now < cell.end + cell.width:
                order.append(name)
                continue
            if not cell.width:
                self._end(name, cell)
            del self._cells[name]

    @staticmethod
    def _lapse(holders: dict[str, float], now: float) -> int:
        """How many slots are held once those that nobody renewed are gone."""
        for lease in [lease for lease, until in holders.items() if until <= now]:
            del holders[lease]
        return len(holders)
