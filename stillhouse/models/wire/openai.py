"""What the three OpenAI-compatible formats share: the key's header, the names of counts, lists of log-probabilities."""

from collections.abc import Mapping
from typing import Any

from stillhouse.models.wire.base import (
    MalformedAnswer,
    TokenLogprob,
    count,
    integer,
    listed,
    merged,
    need,
    sampled,
    short,
)
from stillhouse.types import Sampling

__all__ = ["OpenAIFormat", "choices", "choices_request", "counted", "listed_logprobs", "number"]

_COUNTS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}
_DETAILS = {
    "cached_input_tokens": (("prompt_tokens_details", "input_tokens_details"), "cached_tokens"),
    "reasoning_tokens": (("completion_tokens_details", "output_tokens_details"), "reasoning_tokens"),
}


class OpenAIFormat:
    """The part of a `Wire` that is the same in all three."""

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as RFC 6750 carries it."""
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def usage(self, answer: Mapping[str, Any]) -> dict[str, int]:
        return counted(answer)


def choices_request(
    model: str, asked: Mapping[str, Any], sampling: Sampling, n: int, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of both formats that answer in `choices`; `asked` is the question under its format's name."""
    body: dict[str, Any] = {
        "model": model,
        **asked,
        "max_tokens": sampling.max_tokens,
        **sampled(sampling),
        "n": None if n == 1 else n,
        "seed": sampling.seed,
    }
    if sampling.schema is not None:
        form = {"name": "answer", "schema": dict(sampling.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return merged(body, extra)


def counted(answer: Mapping[str, Any]) -> dict[str, int]:
    """`usage` of a response body under our names; empty if it does not tell both what was read and what was written."""
    told = answer.get("usage")
    found: dict[str, int] = {}
    if not isinstance(told, Mapping):
        return found
    for ours, (name, other) in _COUNTS.items():
        tokens = count(told.get(name))
        if tokens is None:
            tokens = count(told.get(other))
            if tokens is None:
                return {}
        found[ours] = tokens
    for ours, (sections, name) in _DETAILS.items():
        for section in sections:
            if section in told:
                tokens = integer(told[section], name)
                if tokens is not None:
                    found[ours] = tokens
    if "cached_input_tokens" in found:
        # Part of what was read, whatever a server says.
        found["cached_input_tokens"] = min(found["cached_input_tokens"], found["input_tokens"])
    return found


def choices(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers in a body, one at least."""
    found: list[Mapping[str, Any]] = need(answer, "choices", list)
    if not found:
        raise MalformedAnswer("holds no answer")
    for choice in found:
        if not isinstance(choice, Mapping):
            raise MalformedAnswer(f"an answer is {short(choice)}")
    return found


def listed_logprobs(logprobs: Any) -> list[TokenLogprob]:
    """A list of `{"token", "logprob", "top_logprobs"}`, as chat answers have it; empty where there is none."""
    if not isinstance(logprobs, Mapping):
        return []
    found = []
    for entry in listed(logprobs, "content"):
        text = need(entry, "token", str)
        top: dict[str, float] = {}
        for other in listed(entry, "top_logprobs"):
            top.setdefault(need(other, "token", str), number(other.get("logprob")))
        found.append(TokenLogprob(text=text, logprob=number(entry.get("logprob")), id=integer(entry, "id"), top=top))
    return found


def number(value: object) -> float:
    """A log-probability in nats; MalformedAnswer for anything else."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise MalformedAnswer(f"a log-probability is {short(value)}")
