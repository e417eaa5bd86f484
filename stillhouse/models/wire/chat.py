"""OpenAI's `chat.completions`, which most servers of open weights speak too."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stillhouse.models.wire.base import finish, need
from stillhouse.models.wire.openai import OpenAIFormat, choices, choices_request, listed_logprobs
from stillhouse.types import Completion, Message, Sampling

__all__ = ["ChatCompletions"]


class ChatCompletions(OpenAIFormat):
    """`POST /chat/completions`. An answer that the model refused to give has `refusal` as its `finish_reason`."""

    api: Literal["chat.completions"] = "chat.completions"
    path = "/chat/completions"
    knows_n = True
    knows_seed = True

    def body(
        self, model: str, messages: Sequence[Message], sampling: Sampling, n: int, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        return choices_request(model, {"messages": [message.as_dict() for message in messages]}, sampling, n, extra)

    def completions(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> list[Completion]:
        found = []
        for choice in choices(answer):
            message = need(choice, "message", Mapping)
            refusal = None if message.get("refusal") is None else need(message, "refusal", str)
            tokens = listed_logprobs(choice.get("logprobs"))
            found.append(
                Completion(
                    # A model that spends all its tokens on thinking has written nothing: null, which is an answer.
                    text=refusal or (need(message, "content", str) if message.get("content") is not None else ""),
                    tokens=tuple(token.id for token in tokens if token.id is not None),
                    logprobs=tuple(token.logprob for token in tokens),
                    finish_reason="refusal" if refusal else finish(choice.get("finish_reason")),
                )
            )
        return found
