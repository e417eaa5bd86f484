"""Which models there are, told by the gateway itself: its own names for them, never those of its upstreams.

Both families ask `GET /v1/models`, and only a header tells them apart (`anthropic-version`). When a model was made is
not ours to say, so both get the epoch, which Anthropic's reference names for that.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire.errors import Family

__all__ = ["ModelList"]


class ModelList:
    """The models that one account may ask."""

    def __init__(self, names: Iterable[str]) -> None:
        names = tuple(names)
        self._entries: dict[Family, dict[str, Any]] = {
            "openai": {name: _openai(name) for name in names},
            "anthropic": {name: _anthropic(name) for name in names},
        }
        self._pages: dict[Family, bytes] = {
            "openai": orjson.dumps({"object": "list", "data": list(self._entries["openai"].values())}),
            "anthropic": orjson.dumps(
                {
                    "data": list(self._entries["anthropic"].values()),
                    "has_more": False,
                    "first_id": names[0] if names else None,
                    "last_id": names[-1] if names else None,
                }
            ),
        }

    def page(self, family: Family) -> bytes:
        """All of them."""
        return self._pages[family]

    def entry(self, family: Family, name: str) -> bytes:
        """One of them; Refusal(not_found) where it is none."""
        entry = self._entries[family].get(name)
        if entry is None:
            message = "No such model is served here; /v1/models lists all."
            raise Refusal("not_found", "model.unknown", message, param="model")
        return orjson.dumps(entry)


def _openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "stillhouse"}


def _anthropic(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
