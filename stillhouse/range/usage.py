"""Tokens and time of an answer, from lengths: four characters a token, and a prefix cache as serving engines have it.

A cache knows the blocks of 16 tokens that an organisation's (or a lone account's) earlier requests began with, for
ten minutes after the last one. A person who goes on talking finds nearly all of a request there; whoever spreads a
conversation over a pool of accounts finds nothing.
"""

from collections import deque
from collections.abc import Mapping

from stillhouse.range.cast import Ask, Message

__all__ = ["REFUSED", "PrefixCache", "latency", "size_of", "status_of"]

REFUSED = 0.005
"""Share of all requests that are refused: half for a rate limit, half because the server is overloaded."""

_CHARACTERS = 4  # a token
_BLOCK = 16  # tokens
_KEPT = 600_000  # milliseconds


def size_of(message: Message) -> int:
    """Characters of one message, blocks and calls of tools included."""
    content = message["content"]
    if isinstance(content, str):
        return len(content)
    if content is None:
        return sum(len(call["function"]["arguments"]) + len(call["function"]["name"]) for call in message["tool_calls"])
    return sum(len(str(block.get("text") or block.get("content") or block.get("input") or "")) for block in content)


class PrefixCache:
    """What recent requests began with: how far each conversation had come, and the fixed texts in front of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object], tuple[int, int]] = {}
        self._order: deque[tuple[int, tuple[str, object]]] = deque()

    def usage(self, ask: Ask) -> Mapping[str, int]:
        """The `usage` of this request, which is then known itself."""
        account, messages = ask.account, ask.messages
        owner = account.organisation or account.id
        sizes = len(ask.system) + sum(map(size_of, messages))
        opening = messages[0]["content"]
        head = (owner, (ask.system, ask.lead))
        talk = (owner, (ask.system, opening if isinstance(opening, str) else str(opening)))
        self._forget(ask.time)
        cached = max(self._seen(talk, ask.time, sizes), self._seen(head, ask.time, sizes))
        self._learn(talk, ask.time, sizes + ask.answer.size)
        if ask.system or ask.lead:
            self._learn(head, ask.time, len(ask.system) + len(ask.lead))
        tokens = sizes // _CHARACTERS + 1 + 4 * len(messages)
        output = 0 if ask.status >= 400 else ask.answer.size // _CHARACTERS + 1
        return {
            "input_tokens": tokens,
            "output_tokens": output,
            "reasoning_tokens": 0,
            "cached_input_tokens": cached // _CHARACTERS // _BLOCK * _BLOCK,
        }

    def _seen(self, key: tuple[str, object], time: int, most: int) -> int:
        known = self._known.get(key)
        return min(known[1], most) if known is not None and time - known[0] <= _KEPT else 0

    def _learn(self, key: tuple[str, object], time: int, size: int) -> None:
        self._known[key] = (time, size)
        self._order.append((time, key))

    def _forget(self, time: int) -> None:
        while self._order and time - self._order[0][0] > _KEPT:
            learned, key = self._order.popleft()
            if self._known.get(key, (time,))[0] == learned:
                del self._known[key]


def status_of(luck: int) -> int:
    """The status of a request that the server decides on; `luck` is of 16 bits."""
    if luck >= REFUSED * (1 << 16):
        return 200
    return 429 if luck & 1 else 503


def latency(luck: float, usage: Mapping[str, int], status: int) -> float:
    """Milliseconds: a wait, the prompt's tokens that were not cached, and the answer's at 55 to 90 a second.

    `luck` is in [0, 1).
    """
    if status >= 400:
        return round(3 + 37 * luck, 1)
    fresh = usage["input_tokens"] - usage["cached_input_tokens"]
    return round(120 + 400 * luck**3 + 0.25 * fresh + usage["output_tokens"] * (11 + 8 * luck), 1)
