"""OpenAI's Responses: `encrypted_content` of reasoning and compaction, and ids, by which stored ones are fetched.

Every id is sealed, also of items that hold no reasoning: an `item_reference` fetches any of them, and an id without
`encrypted_content` fetches the reasoning that is stored under it. Clients match events by them, so they are the same in
every event of a stream.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.guard.blobs.anchors import Block, blocks_of, tool_block
from stillhouse.guard.blobs.places import Places, Said, Slot, blob, dicts, said_by
from stillhouse.guard.blobs.seals import ID

__all__ = ["ResponsesPlaces"]

_RESULTS = frozenset(
    {
        "apply_patch_call_output",
        "computer_call_output",
        "custom_tool_call_output",
        "function_call_output",
        "local_shell_call_output",
        "mcp_approval_response",
        "multi_agent_call_output",
        "shell_call_output",
        "tool_search_output",
    }
)
_NOBODYS = frozenset({"additional_tools", "compaction_trigger", "configuration_update"})
# What these say stands in them, and their ids may be missing.
_WHOLE = frozenset(
    {
        "agent_message",
        "apply_patch_call",
        "apply_patch_call_output",
        "compaction_trigger",
        "computer_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "function_call",
        "function_call_output",
        "local_shell_call_output",
        "mcp_approval_response",
        "message",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
    }
)
_SAID: dict[str, Said] = {"user": "client", "assistant": "model"}


class ResponsesPlaces(Places):
    markers = (b'_id"', b'"id"', b"encrypted_content")

    def history(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        given = body.get("input")
        return [{"role": "user", "content": given}] if isinstance(given, str) else dicts(given)

    def said(self, entry: Mapping[str, Any]) -> Said:
        kind = _kind(entry)
        if kind == "message":
            return said_by(entry, _SAID)
        return "client" if kind in _RESULTS else "nobody" if kind in _NOBODYS else "model"

    def blocks(self, entry: Mapping[str, Any]) -> list[Block]:
        call = entry.get("call_id") or entry.get("approval_request_id") or entry.get("id")
        if _kind(entry) in _RESULTS:
            return [tool_block(call)] if isinstance(call, str) else []
        return blocks_of(entry.get("content"))

    def in_entry(self, entry: dict[str, Any]) -> Iterable[Slot]:
        name = entry.get("id")
        if name and isinstance(name, str):
            kind = _kind(entry)
            told = entry.get("encrypted_content") or (entry.get("content") if kind == "reasoning" else None)
            yield Slot(entry, "id", ID, spare=kind in _WHOLE or bool(told))
        yield from blob(entry, "approval_request_id", ID)
        yield from _encrypted(entry)

    def in_request(self, body: dict[str, Any]) -> Iterable[Slot]:
        yield from blob(body, "previous_response_id", ID)
        yield from _elsewhere(body)

    def continues(self, body: Mapping[str, Any]) -> bool:
        return bool(body.get("previous_response_id") or body.get("conversation"))

    def in_body(self, body: dict[str, Any]) -> Iterable[Slot]:
        for name in ("id", "previous_response_id", "first_id", "last_id"):
            yield from _id(body, name)
        yield from _elsewhere(body)
        for items in (body.get("output"), body.get("data")):
            for item in dicts(items):
                yield from _in_item(item)

    def in_event(self, data: dict[str, Any]) -> Iterable[Slot]:
        for name in ("item_id", "response_id"):
            yield from _id(data, name)
        item, response = data.get("item"), data.get("response")
        if isinstance(item, dict):
            yield from _in_item(item)
        if isinstance(response, dict):
            yield from self.in_body(response)


def _kind(entry: Mapping[str, Any]) -> str:
    """The type of an item; left out, it is a message where there is a role, and else a reference."""
    kind = entry.get("type")
    return kind if kind and isinstance(kind, str) else "message" if "role" in entry else "item_reference"


def _id(holder: dict[str, Any], key: str) -> Iterable[Slot]:
    """On the way out only reasoning's ids are bound to the conversation: the others fetch what the client has seen."""
    value = holder.get(key)
    return blob(holder, key, ID, bound=isinstance(value, str) and value.startswith("rs_"))


def _elsewhere(body: dict[str, Any]) -> Iterable[Slot]:
    """Ids in fields of a request that its answer repeats."""
    conversation, cache = body.get("conversation"), body.get("prompt_cache_options")
    if isinstance(conversation, dict):
        yield from blob(conversation, "id", ID, bound=False)
    else:
        yield from blob(body, "conversation", ID, bound=False)
    if isinstance(cache, dict):
        yield from blob(cache, "comparison_response_id", ID, bound=False)


def _in_item(item: dict[str, Any]) -> Iterable[Slot]:
    for name in ("id", "approval_request_id"):
        yield from _id(item, name)
    yield from _encrypted(item)


def _encrypted(item: dict[str, Any]) -> Iterable[Slot]:
    """The blobs of an item, whatever its type: later ones will have the same field."""
    kind = item.get("type")
    # Of what stood before a compaction clients may drop all, and a subagent's conversation is not theirs.
    yield from blob(item, "encrypted_content", bound=kind == "reasoning")
    if kind == "agent_message":
        for part in dicts(item.get("content")):
            yield from blob(part, "encrypted_content", bound=False)
