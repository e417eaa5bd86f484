"""OpenAI's older `completions`: a text goes on. The one API that can also show how likely a *given* text is.

Two dialects of log-probabilities exist in answers: four parallel lists (OpenAI, vLLM), and the list of chat answers
(llama.cpp). `echo` puts the given text in front of the answer, its tokens included; servers that do not know it
ignore it, so what comes back is compared with what was given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stillhouse.errors import ConfigError
from stillhouse.models.wire.base import MalformedAnswer, TokenLogprob, finish, listed, merged, need, short
from stillhouse.models.wire.openai import OpenAIFormat, choices, choices_request, listed_logprobs, number
from stillhouse.types import Completion, Message, Sampling

__all__ = ["Completions"]


class Completions(OpenAIFormat):
    """`POST /completions`. The one message of a question is the text that goes on."""

    api: Literal["completions"] = "completions"
    path = "/completions"
    knows_n = True
    knows_seed = True

    def body(
        self, model: str, messages: Sequence[Message], sampling: Sampling, n: int, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        if len(messages) != 1:
            raise ConfigError(
                f"api is 'completions', which continues one text, and the question has {len(messages)} messages; "
                "give one, or set api to 'chat.completions'"
            )
        return choices_request(model, {"prompt": messages[0].content}, sampling, n, extra)

    def scoring_body(self, model: str, text: str | Sequence[int], top: int, extra: Mapping[str, Any]) -> dict[str, Any]:
        """The request for the log-probabilities of `text` (or token ids). One token is written, since some refuse 0."""
        prompt = text if isinstance(text, str) else list(text)
        body = {"model": model, "prompt": prompt, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": top}
        return merged(body, extra)

    def completions(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> list[Completion]:
        found = []
        for choice in choices(answer):
            tokens = _tokens(choice.get("logprobs"), echoed=bool(request.get("echo")))
            found.append(
                Completion(
                    text=need(choice, "text", str),
                    tokens=tuple(token.id for token in tokens if token.id is not None),
                    logprobs=tuple(token.logprob for token in tokens),
                    finish_reason=finish(choice.get("finish_reason")),
                )
            )
        return found

    def scored(self, answer: Mapping[str, Any], text: str | Sequence[int]) -> list[TokenLogprob] | None:
        """The tokens of the given text; None if the endpoint shows none of them. The first one's entry is 0.0."""
        choice = choices(answer)[0]
        tokens = _tokens(choice.get("logprobs"), echoed=True)
        if isinstance(text, str):
            if not need(choice, "text", str).startswith(text):
                return None
            given, length = [], 0
            for token in tokens:
                if length >= len(text):
                    break
                given.append(token)
                length += len(token.text)
            return given if length >= len(text) else None
        return tokens[: len(text)] if len(tokens) > len(text) else None


def _tokens(logprobs: Any, *, echoed: bool) -> list[TokenLogprob]:
    """Either dialect. The first token of an `echoed` text, which nothing precedes, has null there and 0.0 here.

    Any other null, as from a server that skips what it has in its prefix cache, would count as probability 1:
    MalformedAnswer.
    """
    if not isinstance(logprobs, Mapping) or "token_logprobs" not in logprobs:
        return listed_logprobs(logprobs)
    texts, values = need(logprobs, "tokens", list), need(logprobs, "token_logprobs", list)
    if len(texts) != len(values):
        raise MalformedAnswer(f"{len(values)} log-probabilities for {len(texts)} tokens")
    tops = listed(logprobs, "top_logprobs") or [None] * len(texts)
    if len(tops) != len(texts):
        raise MalformedAnswer(f"{len(tops)} lists of likeliest tokens for {len(texts)} tokens")
    return [
        TokenLogprob(
            text=str(text),
            logprob=0.0 if value is None and echoed and place == 0 else number(value),
            top=_top(top),
        )
        for place, (text, value, top) in enumerate(zip(texts, values, tops, strict=True))
    ]


def _top(top: object) -> dict[str, float]:
    """The likeliest tokens in one place; null where nothing precedes."""
    if top is None:
        return {}
    if not isinstance(top, Mapping):
        raise MalformedAnswer(f"the likeliest tokens of a place are {short(top)}")
    return {other: number(nats) for other, nats in top.items()}
