"""A request's history, read for one question: is this the conversation that a blob comes from?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stillhouse.guard.blobs.anchors import ANCHOR_BYTES, Block, anchors, digest
from stillhouse.guard.blobs.places import Places
from stillhouse.guard.blobs.seals import Opened

__all__ = ["Past", "conversation_anchors", "strangers"]


def conversation_anchors(places: Places, body: Mapping[str, Any]) -> bytes:
    """By what the conversation of a request is known again: the client's first turn and its last one.

    The last turn is the last that is the client's, not the last there is: an answer may go on from a beginning of its
    own, and clients later make one message of both.
    """
    history = places.history(body)
    start, end = _first_turn(places, history)
    last = []
    for entry in reversed(history):
        said = places.said(entry)
        if said == "client":
            last.append(entry)
        elif said == "model" and last:
            break
    return anchors(_blocks(places, history[start:end]), _blocks(places, reversed(last)))


class Past:
    """What the client said before each place of a history, read as far as it is asked for."""

    def __init__(self, places: Places, history: Sequence[dict[str, Any]]) -> None:
        self._places = places
        self._history = history
        self._seen: set[bytes] = set()
        self._read = 0
        self._first_end = -1

    def holds(self, wanted: bytes, before: int) -> bool | None:
        """Whether one of these anchors stands before entry `before`; None where the client said nothing before it.

        Places are asked for in their order. The first turn is read first: mostly that is enough.
        """
        if self._first_end < 0:
            self._first_end = _first_turn(self._places, self._history)[1]
        sought = _each(wanted)
        for end in (min(self._first_end, before), before):
            if self._read < end:
                self._seen.update(map(digest, _blocks(self._places, self._history[self._read : end])))
                self._read = end
            if not sought.isdisjoint(self._seen):
                return True
        return False if self._seen else None


def strangers(doubtful: Sequence[tuple[Opened, str]], known: Iterable[bytes]) -> list[tuple[Opened, str]]:
    """Those that share no anchor with the `known`, not even by way of one another.

    All blobs of a conversation share its first turn. Where a summary took the place of that and of an answer's own
    question too, the answers after it still tell what conversation it is.
    """
    of_anchor: dict[bytes, list[int]] = {}
    for number, (piece, _) in enumerate(doubtful):
        for anchor in _each(piece.anchors):
            of_anchor.setdefault(anchor, []).append(number)
    left = set(range(len(doubtful)))
    reached = [anchor for anchors in known for anchor in _each(anchors)] if doubtful else []
    while reached:
        for number in of_anchor.pop(reached.pop(), ()):
            if number in left:
                left.remove(number)
                reached += _each(doubtful[number][0].anchors)
    return [doubtful[number] for number in sorted(left)]


def _each(anchors: bytes) -> set[bytes]:
    return {anchors[at : at + ANCHOR_BYTES] for at in range(0, len(anchors), ANCHOR_BYTES)}


def _first_turn(places: Places, history: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Where the client's first turn begins, and where the model's first word after it is."""
    start = 0
    while start < len(history) and places.said(history[start]) != "client":
        start += 1
    end = start
    while end < len(history) and places.said(history[end]) != "model":
        end += 1
    return start, end


def _blocks(places: Places, entries: Iterable[dict[str, Any]]) -> Iterable[Block]:
    for entry in entries:
        if places.said(entry) == "client":
            yield from places.blocks(entry)
