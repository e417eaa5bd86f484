"""The nouns that every part of Stillhouse shares.

They live in one file that imports nothing heavy, because `distill`, `guard` and `assay` meet only here
and in logs on disk. Values are frozen: whoever holds one knows that nobody else will change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

__all__ = [
    "Api",
    "Completion",
    "Exchange",
    "Message",
    "Role",
    "Sampler",
    "Sampling",
    "Scorer",
]

Role = Literal["system", "user", "assistant", "tool"]
Api = Literal["chat.completions", "responses", "messages", "completions", "embeddings"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str

    def as_dict(self) -> dict[str, str]:
        """The `{"role", "content"}` form that chat templates and endpoints take."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How an answer is drawn.

    `temperature` 0 is greedy. `repetition_stop` ends an answer whose last `repetition_stop` tokens are
    one cycle repeated (0 switches it off). `seed` and `schema` (a JSON schema that the answer has to satisfy) are for
    models behind an endpoint, which may not know them.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    repetition_stop: int = 0
    seed: int | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. `tokens` and `logprobs` are empty where the model does not show them.

    `finish_reason` is `stop` (the model ended its turn), `length` (the cap), or `repetition`; of a model behind an
    endpoint also `unknown` (it did not say), or its own word.
    """

    text: str
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer: the record `stillhouse.exchange/1`.

    `time` is RFC 3339 in UTC. `request` and `response` are the bodies of that `api` as sent (a streamed answer
    is stored assembled); a missing answer is None with `status` >= 400,
    or 0 where none came. `extra` holds the fields that this
    version of the format does not name, so a log passes through without losing any.
    """

    id: str
    time: str
    account: str
    model: str
    api: Api
    request: Mapping[str, Any]
    response: Mapping[str, Any] | None = None
    organisation: str | None = None
    key: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    registration: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    latency_ms: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Sampler(Protocol):
    """A model that we can ask."""

    @property
    def name(self) -> str: ...

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]: ...


@runtime_checkable
class Scorer(Protocol):
    """A model whose probabilities we can read."""

    @property
    def name(self) -> str: ...

    def score(self, tokens: Sequence[int]) -> list[float]:
        """log p(tokens[i] | tokens[:i]) in nats; entry 0 is 0.0."""
        ...
