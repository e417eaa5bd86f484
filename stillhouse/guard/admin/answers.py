"""What answers hold. A key's digest is not among it: nobody needs it, and its secret is only where it was made."""

from typing import Any, Self

from stillhouse.config import Settings
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation, Proposal, Verdict
from stillhouse.guard.ledger.entry import Entry

__all__ = [
    "AccountPage",
    "ActionPage",
    "ActionsSet",
    "CheckpointShown",
    "EntryPage",
    "EntryShown",
    "Fault",
    "FaultShown",
    "KeyMade",
    "KeyPage",
    "KeyShown",
    "OrganisationPage",
    "Proof",
    "ProposalPage",
    "Reloaded",
    "Restored",
    "Reviewed",
    "Status",
]


class KeyShown(Settings):
    id: str
    account: str
    hint: str
    created: float
    expires: float | None
    revoked: float | None
    ip_allow: tuple[str, ...]

    @classmethod
    def of(cls, key: Key) -> Self:
        return cls.model_validate(key.model_dump(exclude={"digest"}))


class KeyMade(Settings):
    """The only time that the secret is shown."""

    key: KeyShown
    secret: str


class OrganisationPage(Settings):
    """`next` is what to give as `after` for the page behind; none behind the last."""

    items: list[Organisation]
    next: str | None


class AccountPage(Settings):
    items: list[Account]
    next: str | None


class KeyPage(Settings):
    items: list[KeyShown]
    next: str | None


class ActionPage(Settings):
    items: list[ActionInForce]
    next: str | None


class ProposalPage(Settings):
    items: list[Proposal]
    next: str | None


class ActionsSet(Settings):
    """`stronger`: accounts of the campaign that stay under a stronger action of another decision."""

    actions: list[ActionInForce]
    stronger: list[ActionInForce]


class Restored(Settings):
    ended: list[ActionInForce]


class Reviewed(Settings):
    """`actions`: what the word was about; a rejection has ended them, an approval put in force what had waited."""

    verdict: Verdict
    actions: list[ActionInForce]


class CheckpointShown(Settings):
    size: int
    note: str
    public_key: str


class EntryShown(Settings):
    v: str
    sequence: int
    time: str
    kind: str
    actor: str
    subject: str
    details: dict[str, Any]
    previous: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate(entry.to_record())


class EntryPage(Settings):
    items: list[EntryShown]
    next: int | None


class Proof(Settings):
    """As `stillhouse guard ledger check-proof` takes it."""

    v: str
    sequence: int
    body: str
    path: list[str]
    checkpoint: str


class Reloaded(Settings):
    reloaded: bool = True


class Status(Settings, extra="allow"):
    """What this gateway knows of itself; more fields may come. `directory_age_seconds` is none before it was read."""

    directory_version: int
    directory_age_seconds: float | None
    directory_failures: int
    organisations: int
    accounts: int
    keys: int
    actions: int


class Fault(Settings):
    message: str
    code: str


class FaultShown(Settings):
    error: Fault
