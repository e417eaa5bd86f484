"""What the gateway calls: requests are opened, answers are sealed.

Behind a gateway all customers are one account to the provider, whose blobs and ids then work for each of them. Sealed,
they work for the one that they were given to, in the conversation that they come from.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from stillhouse.guard.blobs.chat import ChatPlaces
from stillhouse.guard.blobs.edit import SealingEdit
from stillhouse.guard.blobs.keyring import Keyring
from stillhouse.guard.blobs.messages import MessagesPlaces
from stillhouse.guard.blobs.opening import Opening
from stillhouse.guard.blobs.places import Places
from stillhouse.guard.blobs.refusals import refused
from stillhouse.guard.blobs.responses import ResponsesPlaces
from stillhouse.guard.blobs.seals import ID, Seals
from stillhouse.guard.wire.base import AnswerEdit
from stillhouse.types import Api

__all__ = ["Sealer"]

_PLACES: dict[Api, Places] = {
    "chat.completions": ChatPlaces(),
    "messages": MessagesPlaces(),
    "responses": ResponsesPlaces(),
}


_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~=-]{0,1023}")


class Sealer:
    """Seals and opens for all accounts with the keys of one ring. Not for several threads at once.

    `passed` counts blobs that went through although their place did not fit: `other_conversation` (allowed by the
    setting) and `unplaced` (what they followed is not in the request).
    """

    def __init__(self, keyring: Keyring, conversation: Literal["refuse", "allow"] = "refuse") -> None:
        self._seals = Seals(keyring)
        self._conversation: Literal["refuse", "allow"] = conversation
        self.passed: Counter[str] = Counter()

    def open_request(self, api: Api | None, body: dict[str, Any], account: str) -> bool:
        """Open all blobs and ids of a request in place; True if it was changed.

        Raises BlobRefusal (kind `permission`) for one that is not the account's own, not from this conversation,
        altered, or never sealed here. The body must not be forwarded then.
        """
        places = _PLACES.get(api) if api else None
        if places is None:
            return False
        return Opening(self._seals, places, account, self._conversation, self.passed).run(body)

    def answer_edit(self, api: Api | None, request_body: Mapping[str, Any], account: str) -> AnswerEdit | None:
        """The edit that seals the answer to this request; None for an API whose answers hold nothing to seal.

        The request's history is read when the answer's first blob comes, and must be as it was until then. An answer
        that is fetched by its id has the empty body `{}`: its blobs are bound to the account alone.
        """
        places = _PLACES.get(api) if api else None
        return None if places is None else SealingEdit(self._seals, places, request_body, account)

    def open_id(self, text: str, account: str) -> str:
        """The provider's id for one in a path or a query. Raises BlobRefusal as `open_request` does."""
        (opened,) = self._seals.open(ID, text, "the id")
        if opened.owner != account:
            raise refused("blob.other_account", "the id", opened.owner)
        if not _SEGMENT.fullmatch(opened.text):
            # Some servers let clients choose ids: `../admin?` must not become a path of the upstream.
            raise refused("blob.altered", "the id")
        return opened.text
