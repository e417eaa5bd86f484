"""What a verification found, and in plain words what it could not have found."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Fault", "Report"]


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` it is: at an entry (its sequence), a stored checkpoint (its size), or None: the ledger as a whole."""

    place: str
    number: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.place}{'' if self.number is None else f' {self.number}'}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of `verify`.

    `entries` and `checkpoints` were read; `root` is over the hashes of these entries; `key` is the last one that the
    ledger names. `faults` are the first ones of `fault_count`. `key_given`: the signatures were traced to a key that
    the caller brought. `kept` is the size of the checkpoint that he brought.
    """

    origin: str | None
    entries: int
    checkpoints: int
    root: str
    key: str | None
    key_given: bool
    kept: int | None
    faults: tuple[Fault, ...]
    fault_count: int

    @property
    def holds(self) -> bool:
        return self.fault_count == 0

    @property
    def limits(self) -> list[str]:
        """What this verification cannot show, one sentence each."""
        found = []
        if not self.key_given:
            found.append(
                "signatures were checked with the key that the ledger names itself: whoever rewrote all of it and "
                "signed with a key of his own is not found out; give a public key that was kept elsewhere"
            )
        if self.kept is None:
            found.append(
                "no checkpoint was given: an older state that was put back as a whole is not found out; give one that "
                "was kept elsewhere"
            )
        elif self.kept < self.entries:
            found.append(
                f"the checkpoint given ends at entry {self.kept - 1}: that later ones were cut off is not found out, "
                "save where a stored checkpoint remains"
            )
        found.append(
            "whoever has the private key can sign another history; only a checkpoint that he could not replace "
            "contradicts it"
        )
        return found

    def to_record(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "holds": self.holds, "limits": self.limits}
