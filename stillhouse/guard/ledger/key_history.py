"""Which key signs checkpoints at which size, as the ledger itself says, and whether a key that we trust leads there."""

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.entry import Entry
from stillhouse.guard.ledger.note import Note, Verifier

__all__ = ["KeyHistory"]


class KeyHistory:
    """Follows the entries in their order.

    The first entry names the first key. An entry that changes the key is covered by a checkpoint that both keys
    signed, so from any key that was ever in force the later ones follow; `reached` says whether the trusted key was.
    """

    def __init__(self, trusted: Verifier | None) -> None:
        self.trusted = trusted
        self.current: Verifier | None = None
        self.reached = trusted is None
        self._former: Verifier | None = None
        self._changed_at: int | None = None  # size of the tree with the entry that changed the key

    def read(self, entry: Entry) -> None:
        """Take notice of an entry; RecordError where it names a key and must not, or should and does not."""
        if entry.kind not in ("ledger.opened", "checkpoint_key.rotated"):
            if entry.sequence == 0:
                raise RecordError(f"is of kind '{entry.kind}'; the first entry is 'ledger.opened' and names the key")
            return
        if (entry.kind == "ledger.opened") != (entry.sequence == 0):
            raise RecordError(f"is of kind '{entry.kind}', which cannot stand here")
        named = entry.details.get("public_key")
        key = Verifier.parse(named if isinstance(named, str) else "")
        if entry.kind == "checkpoint_key.rotated":
            self._former, self._changed_at = self.current, entry.sequence + 1
        self.current = key
        self.reached = self.reached or key == self.trusted

    def fault(self, note: Note, size: int, *, strict: bool) -> str | None:
        """Why a checkpoint of `size`, the entries read so far, does not hold.

        `strict`: it may carry no signature of anyone else. A copy that was kept elsewhere may: of a witness.
        """
        current = self.current or self.trusted  # without a first entry, which is a fault already, the key that we trust
        if current is None:
            return "cannot be checked: no entry before it names a key"
        keys = [current]
        if size == self._changed_at and self._former is not None:
            keys.append(self._former)
        for key in keys:
            if (fault := note.fault(key)) is not None:
                return fault
        if strict and len(note.signatures) != len(keys):
            return f"carries {len(note.signatures)} signatures instead of {len(keys)}"
        return None

    def awaits_checkpoint(self, size: int) -> bool:
        """Whether a tree of `size` ends with a change of key, so that a checkpoint of both keys must be there."""
        return size == self._changed_at
