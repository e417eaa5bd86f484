"""Seals an answer on its way out, whole or event by event."""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.guard.blobs.conversation import conversation_anchors
from stillhouse.guard.blobs.places import Places, Slot
from stillhouse.guard.blobs.seals import Seals

__all__ = ["SealingEdit"]


class SealingEdit:
    """An AnswerEdit for one request. Its conversation is read when the first blob comes: most answers have none."""

    def __init__(self, seals: Seals, places: Places, request_body: Mapping[str, Any], account: str) -> None:
        self.markers = places.markers
        self._seals = seals
        self._places = places
        self._request_body: Mapping[str, Any] | None = request_body
        self._account = account
        self._anchors = b""
        self._sealed: dict[tuple[str, bool, str], str] = {}

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        self._seal(self._places.in_event(data))
        return data

    def edit_body(self, body: dict[str, Any]) -> bool:
        return self._seal(self._places.in_body(body))

    def _seal(self, slots: Iterable[Slot]) -> bool:
        found = tuple(slots)
        for slot in found:
            what = (slot.kind, slot.bound, slot.text)
            sealed = self._sealed.get(what)
            if sealed is None:
                bound = self._bound() if slot.bound else b""
                sealed = self._sealed[what] = self._seals.seal(slot.kind, slot.text, self._account, bound)
            slot.holder[slot.key] = sealed
        return bool(found)

    def _bound(self) -> bytes:
        if self._request_body is not None:
            self._anchors = conversation_anchors(self._places, self._request_body)
            self._request_body = None
        return self._anchors
