"""Many sources of requests as one, in time order, by a heap of what each will do next.

What is held is one pending entry a source. A source says a time first and makes its request when called at that time,
so idle people cost a few hundred bytes each, and ten million requests cost as much memory as ten thousand.
"""

import heapq
from collections.abc import Iterable, Iterator

from stillhouse.range.cast import Ask, Script

__all__ = ["merged", "started"]


def merged(scripts: Iterable[Script]) -> Script:
    """All times and requests of `scripts` in order; of two at the same millisecond the earlier script's comes first."""
    heap = []
    for number, script in enumerate(scripts):
        first = next(script, None)
        if first is not None:
            heap.append((first if isinstance(first, int) else first.time, number, first, script))
    heapq.heapify(heap)
    while heap:
        _, number, event, script = heap[0]
        yield event
        _go_on(heap, number, script)


def started(entries: Iterator[tuple[int, Script]]) -> Script:
    """Scripts that begin at known times, given in their order: each is opened when its time has come."""
    heap: list[tuple[int, int, Ask | int, Script]] = []
    number = 0
    coming = next(entries, None)
    while heap or coming is not None:
        if coming is not None and (not heap or coming[0] <= heap[0][0]):
            yield coming[0]
            script = coming[1]
            coming = next(entries, None)
            event = next(script, None)
            if event is not None:
                number += 1
                heapq.heappush(heap, (event if isinstance(event, int) else event.time, number, event, script))
            continue
        _, order, event, script = heap[0]
        yield event
        _go_on(heap, order, script)


def _go_on(heap: list[tuple[int, int, Ask | int, Script]], order: int, script: Script) -> None:
    """Put what the first script of the heap has next in its place, or take the script out."""
    following = next(script, None)
    if following is None:
        heapq.heappop(heap)
    else:
        time = following if isinstance(following, int) else following.time
        heapq.heapreplace(heap, (time, order, following, script))
