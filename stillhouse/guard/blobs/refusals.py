"""Why a blob or an id is not taken, said to the client without a word of whose it is."""

from dataclasses import dataclass
from typing import Literal

from stillhouse.guard.refusal import Refusal

__all__ = ["BlobRefusal", "BlobRule", "refused"]

BlobRule = Literal[
    "blob.not_ours",  # never sealed here: from before the gateway, or straight from the provider
    "blob.unknown_key",  # sealed with a key that is not in the ring
    "blob.altered",  # the seal does not hold
    "blob.other_account",
    "blob.other_conversation",
]

_MESSAGES: dict[BlobRule, str] = {
    "blob.not_ours": "was not handed out by this gateway; leave it out, or start a new conversation.",
    "blob.unknown_key": "was sealed with a key that is not in use; leave it out, or start a new conversation.",
    "blob.altered": "is not as it was handed out; send it back unchanged, or leave it out.",
    "blob.other_account": "was handed out to another account; leave it out, or start a new conversation.",
    "blob.other_conversation": (
        "belongs to another conversation; send it back only behind the messages that it answered, or leave it out."
    ),
}


@dataclass(eq=False)
class BlobRefusal(Refusal):
    """`owner` is the account that the blob was given to, where the seal says it.

    It is evidence that two accounts belong together, for the log and the ledger; the client is never told.
    """

    owner: str | None = None


def refused(rule: BlobRule, where: str, owner: str | None = None) -> BlobRefusal:
    """The refusal of what stands at `where` in the request."""
    return BlobRefusal("permission", rule, f"{where} {_MESSAGES[rule]}", param=where, owner=owner)
