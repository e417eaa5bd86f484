"""The fingerprint of a client program: its user agent without numbers of versions, and which settings it sends.

People change what they ask and not what they ask with. A program that asks for thousands of accounts has one
fingerprint; so has a popular one, which rarity has to weigh.
"""

import re
from functools import lru_cache

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.tokens import Hasher, Kind, token
from stillhouse.types import Exchange

__all__ = ["NEEDS", "fingerprint", "harness_token"]

NEEDS = ("client.user_agent", "client.harness", "request")

_CONTENT = frozenset(("messages", "input", "prompt", "system", "instructions", "tools", "metadata", "user"))
_VERSION = re.compile(r"\d[\w.+-]*")
_KEPT = frozenset(
    (
        "frequency_penalty", "logprobs", "max_completion_tokens", "max_output_tokens", "max_tokens", "model", "n",
        "presence_penalty", "reasoning_effort", "stop", "stream", "temperature", "top_k", "top_logprobs",
        "top_p",
    )
)  # fmt: skip
_WRITTEN = (int, float, str)
# Of what is remembered, since a client may send what it likes.
_LONGEST_AGENT = 1024
_LONGEST = 8192


def fingerprint(exchange: Exchange, asked: Asked) -> str:
    """One line of text: agent, harness, API, names of settings, values of those that programs fix, tools. Of 1,024
    characters of the agent, and 8,192 in all."""
    agent, harness = exchange.client.get("user_agent"), exchange.client.get("harness")
    settings = [
        f"{name}={value}" if name in _KEPT and isinstance(value, _WRITTEN) else name
        for name, value in sorted(exchange.request.items())
        if name not in _CONTENT
    ]
    shown = _without_versions(agent[:_LONGEST_AGENT]) if isinstance(agent, str) else ""
    return "|".join([shown, str(harness), exchange.api, *settings, *asked.tools])[:_LONGEST]


@lru_cache(maxsize=1 << 12)
def _without_versions(agent: str) -> str:
    return _VERSION.sub("", agent)


def harness_token(exchange: Exchange, asked: Asked, hashed: Hasher) -> int:
    return token(Kind.CLIENT, hashed(fingerprint(exchange, asked)))
