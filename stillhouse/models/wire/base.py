"""What every wire format offers: a request body out of a question, answers and usage out of a response body.

A format knows JSON only: no network, no key in a body, no clock. So each is tested on written bodies, and a new one is
one new file. A body that lacks what its format promises is a `MalformedAnswer`, which the client counts and asks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stillhouse.types import Api, Completion, Message, Sampling

__all__ = [
    "FailedAnswer",
    "MalformedAnswer",
    "TokenLogprob",
    "Wire",
    "count",
    "finish",
    "integer",
    "listed",
    "merged",
    "need",
    "sampled",
    "short",
]

# As Anthropic, text-generation-inference and servers modelled on it say it.
_FINISH = {
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
}


class MalformedAnswer(ValueError):
    """A response body that is not what its wire format says; never seen outside of `models`."""


class FailedAnswer(ValueError):
    """A response body that says that there is no answer and why; never seen outside of `models`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token as an endpoint shows it: its text, its log-probability in nats, and the likeliest ones in its place.

    `id` is None where the format gives only text. `top` maps texts to log-probabilities; different tokens of one text
    (parts of a character) keep the likelier one.
    """

    text: str
    logprob: float
    id: int | None = None
    top: Mapping[str, float] = field(default_factory=dict)


class Wire(Protocol):
    """One API of an endpoint."""

    @property
    def api(self) -> Api: ...

    @property
    def path(self) -> str:
        """What follows the base URL."""
        ...

    @property
    def knows_n(self) -> bool:
        """Whether one request can ask for several answers."""
        ...

    @property
    def knows_seed(self) -> bool:
        """Whether a request can carry a seed."""
        ...

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers that carry the key and the version of the API."""
        ...

    def body(
        self, model: str, messages: Sequence[Message], sampling: Sampling, n: int, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The request. `extra` goes over it; a field that is None there is left out."""
        ...

    def completions(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> list[Completion]:
        """The answers in a response body to `request`. MalformedAnswer where it holds none, FailedAnswer if it says so.

        `finish_reason` is `finish` of the format's own word.
        """
        ...

    def usage(self, answer: Mapping[str, Any]) -> dict[str, int]:
        """`input_tokens`, `output_tokens` and, where told, `cached_input_tokens`, `reasoning_tokens`; empty if untold.

        `input_tokens` counts everything that was read, from the endpoint's own cache or not.
        """
        ...


def finish(reason: object) -> str:
    """`stop` or `length` where a server's word for why an answer ended means that, else its word; `unknown` for none.

    Silence is no `stop`: an answer that was cut may come without a word too.
    """
    return _FINISH.get(reason, reason) if isinstance(reason, str) and reason else "unknown"


def merged(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with `extra` over it, without the fields that are None."""
    return {name: value for name, value in {**body, **extra}.items() if value is not None}


def sampled(sampling: Sampling) -> dict[str, Any]:
    """The fields that all four formats name alike. `top_p` 1 changes nothing, and some models refuse it."""
    return {"temperature": sampling.temperature, "top_p": None if sampling.top_p == 1.0 else sampling.top_p}


def need(holder: Any, name: str, kind: type) -> Any:
    """`holder[name]`, which must be there and of that kind."""
    value = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(value, kind):
        raise MalformedAnswer(f"'{name}' is {short(value)}, not a {kind.__name__}")
    return value


def integer(holder: Any, name: str) -> int | None:
    """`holder[name]` where it is a `count`, else None."""
    return count(holder.get(name)) if isinstance(holder, Mapping) else None


def count(value: object) -> int | None:
    """The value where it is a count, else None. JSON agrees on integers below 2**53 (RFC 8259, section 6)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def listed(holder: Any, name: str) -> list[Any]:
    """`holder[name]`, a list; empty where it is absent or null."""
    return [] if isinstance(holder, Mapping) and holder.get(name) is None else need(holder, name, list)


def short(value: object, limit: int = 60) -> str:
    """How a value looks inside one line."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
