"""Settings of sampling that people's programs do not set: what is needed to collect answers, not to read one.

Several answers to one question, a fixed seed, distributions over tokens and biases that uncover them, one token at a
time. Whoever evaluates needs them too.
"""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any

__all__ = ["NEEDS", "ODDITIES", "Oddity", "oddities"]

NEEDS = ("request",)


class Oddity(IntFlag):
    """What a request sets."""

    SEED = 1
    SEVERAL = 2  # answers to one question: n or best_of above 1
    PROBABILITIES = 4  # log-probabilities
    BIAS = 8  # logit_bias
    SINGLE = 16  # an answer of one token


ODDITIES = tuple(Oddity)

_SEED, _SEVERAL, _PROBABILITIES, _BIAS, _SINGLE = map(int, ODDITIES)
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_COUNTS = ("n", "best_of")
_LOOKED_AT = frozenset(("seed", *_COUNTS, "logprobs", "top_logprobs", "logit_bias", *_LIMITS))


def oddities(request: Mapping[str, Any]) -> int:
    """Which of them a request's body has, as bits; what is off, or no number where one is counted, is none.

    Values are not checked as an API would: `seed: true`, `logit_bias: "x"` and `logprobs: "maybe"` count.
    """
    named = _LOOKED_AT.intersection(request)
    return _found(named, request) if named else 0


def _found(named: frozenset[str], request: Mapping[str, Any]) -> int:
    found = 0
    for name in named:
        value = request[name]
        if name in _LIMITS:
            found |= _SINGLE if value == 1 else 0
        elif name == "seed":
            found |= _SEED if isinstance(value, int) else 0
        elif not value:
            continue  # off, or none of them
        elif name == "logit_bias":
            found |= _BIAS
        elif name in _COUNTS:
            found |= _SEVERAL if isinstance(value, int) and value > 1 else 0
        else:
            found |= _PROBABILITIES
    return found
