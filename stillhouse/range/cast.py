"""Who acts, what one request is before it is put on the wire, and what is true of it.

An actor is one source of requests in time order: a person, a campaign with thousands of accounts, a company behind
one key. It says when it wants to be called (an integer) and what it asks (`Ask`), and nothing of it is made before
its time comes, so a composition of millions of requests holds only what is going on at the moment. The truth
(`Label`, `Ask.user`, `Ask.campaign`) travels beside the request and never in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from stillhouse.types import Api

__all__ = ["Account", "Actor", "Answer", "Ask", "Label", "Message", "Script"]

Message = Mapping[str, Any]
Script = Iterator["int | Ask"]
"""Times at which the actor wants to be called again (milliseconds since 1970), and requests; none goes back in time."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the provider knows of a customer."""

    id: str
    api: Api
    registration: Mapping[str, Any]
    organisation: str | None = None
    key: str | None = None


class Answer(NamedTuple):
    """What the served model gave back: its message in the form of the account's API, and the length of its text."""

    message: Message
    size: int
    finish: str = "stop"
    extra: Mapping[str, Any] | None = None


class Ask(NamedTuple):
    """One request before it is put on the wire. `messages` are in the form of the account's API, system text apart.

    `lead` is a text that opens the first user message of every request of its kind (a few-shot header), which a
    prefix cache knows. `user` is the innocent person whose request an account of several people carries, `campaign`
    the campaign whose it is. `status` 0 leaves it to the server whether it is refused; whoever sends again after a
    refusal says it himself.
    """

    time: int
    account: Account
    client: Mapping[str, Any]
    system: str
    messages: Sequence[Message]
    answer: Answer
    settings: Mapping[str, Any]
    lead: str = ""
    user: str | None = None
    campaign: str | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one account."""

    account: str
    role: Literal["honest", "campaign"]
    kind: str
    campaign: str | None = None
    group: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        return {
            "account": self.account,
            "role": self.role,
            "kind": self.kind,
            "campaign": self.campaign,
            "group": self.group,
        }


@dataclass(frozen=True, slots=True)
class Actor:
    """Accounts that act as one, and what they do. `play` begins anew at each call."""

    labels: Sequence[Label]
    play: Callable[[], Script]
