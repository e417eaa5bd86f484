"""By what a conversation is known again: short digests of what the client said first, and of what it said last.

An honest client sends a conversation back changed: its front cut off or summed up, old tool results emptied, marks of
the prompt cache moved, dates and reminders written anew. So not a whole message is an anchor but each of its blocks,
and one that is found again anywhere before the blob is enough. A tool's result is known by the id of its call, whatever
is left of it. A block that is one XML element as a whole is context that a harness put in (`<system-reminder>`,
`<environment_context>`): it is the same in all its conversations and changes within one, so it counts only where there
is nothing else.

Digests are short and have no key because they prove nothing: whoever has a blob of a conversation can send its first
message along. They are inside of the seal.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

__all__ = ["ANCHOR_BYTES", "Block", "anchors", "blocks_of", "digest", "tool_block"]

ANCHOR_BYTES = 4
MOST = 8
"""How many blocks of a turn are kept, the last ones: harnesses put context first."""

_ELEMENT = re.compile(r"<([A-Za-z][\w-]{0,63})[\s>]")
_CACHE_MARKS = ("cache_control", "prompt_cache_breakpoint")


class Block(NamedTuple):
    """One piece of what a client said, as the bytes that are hashed. `harness`: it is context that was put in."""

    content: bytes
    harness: bool = False


def tool_block(call: str) -> Block:
    """The result of the tool call of this id."""
    return Block(b"tool\0" + call.encode("utf-8", "surrogatepass"))


def blocks_of(content: Any) -> list[Block]:
    """The blocks of a message's content in any of the APIs: a string, or a list of parts. Empty ones are left out."""
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, list):
        return []
    blocks: list[Block] = []
    for part in content:
        if isinstance(part, str):
            blocks += _text(part)
        elif isinstance(part, dict):
            text, call = part.get("text"), part.get("tool_use_id")
            if isinstance(call, str):
                blocks.append(tool_block(call))
            elif isinstance(text, str):
                blocks += _text(text)
            else:
                rest = {key: value for key, value in part.items() if key not in _CACHE_MARKS}
                blocks.append(Block(b"part\0" + orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)))
    return blocks


def _text(text: str) -> list[Block]:
    text = text.strip()
    if not text:
        return []
    return [Block(b"text\0" + text.encode("utf-8", "surrogatepass"), _is_element(text))]


def _is_element(text: str) -> bool:
    """Whether the first tag's own end is the text's end."""
    found = _ELEMENT.match(text)
    if found is None:
        return False
    end = f"</{found.group(1)}>"
    return text.endswith(end) and text.find(end) == len(text) - len(end)


def digest(block: Block) -> bytes:
    return blake2b(block.content, digest_size=ANCHOR_BYTES, person=b"stillhouse.blob").digest()


def anchors(*turns: Iterable[Block]) -> bytes:
    """The anchors of these turns, one behind the other, each once; at most `MOST` of a turn."""
    found: set[bytes] = set()
    for turn in turns:
        blocks = list(turn)
        found.update(digest(block) for block in ([b for b in blocks if not b.harness] or blocks)[-MOST:])
    return b"".join(sorted(found))
