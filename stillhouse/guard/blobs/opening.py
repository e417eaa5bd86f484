"""Opens what a request holds, and checks for each piece that it belongs to who sends it and where it stands."""

from collections import Counter
from typing import Any, Literal

from stillhouse.guard.blobs.conversation import Past, strangers
from stillhouse.guard.blobs.places import Places, Slot
from stillhouse.guard.blobs.refusals import refused
from stillhouse.guard.blobs.seals import Opened, Seals, is_sealed_id

__all__ = ["Opening"]

# Google tells clients to send these where they have no signature: they are nobody's blobs.
_PUBLIC = frozenset({"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"})


class Opening:
    """One request of one account, opened once. `passed` counts what went through although its place did not fit."""

    def __init__(
        self,
        seals: Seals,
        places: Places,
        account: str,
        conversation: Literal["refuse", "allow"],
        passed: Counter[str],
    ) -> None:
        self._seals = seals
        self._places = places
        self._account = account
        self._conversation = conversation
        self._passed = passed
        self._opened: dict[tuple[str, str], list[Opened]] = {}
        self._known: set[bytes] = set()
        self._doubtful: list[tuple[Opened, str]] = []

    def run(self, body: dict[str, Any]) -> bool:
        """Open everything in place; whether anything was. Where it raises BlobRefusal the body is of no further use."""
        history = self._places.history(body)
        beside = tuple(self._places.in_request(body))
        within = [(index, slots) for index, entry in enumerate(history) if (slots := (*self._places.in_entry(entry),))]
        if not beside and not within:
            return False
        continues = self._places.continues(body)
        past = Past(self._places, history)
        changed = False
        for slot in beside:
            self._open(slot, str(slot.key))
            changed = True
        name = "input" if "input" in body else "messages"
        for index, slots in within:
            for slot in slots:
                if slot.kind == "thought_signature" and slot.text in _PUBLIC:
                    continue
                changed = True
                if slot.spare and not is_sealed_id(slot.text):
                    del slot.holder[slot.key]
                    continue
                where = f"{name}.{index}.{slot.key}"
                for piece in self._open(slot, where):
                    if piece.anchors:
                        self._place(piece, where, past.holds(piece.anchors, index))
        for piece, where in strangers(self._doubtful, self._known):
            if continues:
                self._passed["unplaced"] += 1
            elif self._conversation == "allow":
                self._passed["other_conversation"] += 1
            else:
                raise refused("blob.other_conversation", where, piece.owner)
        return changed

    def _open(self, slot: Slot, where: str) -> list[Opened]:
        what = (slot.kind, slot.text)
        pieces = self._opened.get(what)
        if pieces is None:
            pieces = self._seals.open(slot.kind, slot.text, where)
            for piece in pieces:
                if piece.owner != self._account:
                    raise refused("blob.other_account", where, piece.owner)
            self._opened[what] = pieces
        slot.holder[slot.key] = pieces[0].text if len(pieces) == 1 else "".join(piece.text for piece in pieces)
        return pieces

    def _place(self, piece: Opened, where: str, holds: bool | None) -> None:
        if holds:
            self._known.add(piece.anchors)
        elif holds is None:
            # What it followed was cut off, or is stored with the provider: there is nothing to compare.
            self._passed["unplaced"] += 1
        else:
            self._doubtful.append((piece, where))
