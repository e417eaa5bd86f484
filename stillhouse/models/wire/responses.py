"""OpenAI's `responses`: one answer a call, no seed, its text in parts of one or more output messages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stillhouse.models.wire.base import FailedAnswer, MalformedAnswer, merged, need, sampled, short
from stillhouse.models.wire.openai import OpenAIFormat, counted
from stillhouse.types import Completion, Message, Sampling

__all__ = ["Responses"]


class Responses(OpenAIFormat):
    """`POST /responses`."""

    api: Literal["responses"] = "responses"
    path = "/responses"
    knows_n = False
    knows_seed = False

    def body(
        self, model: str, messages: Sequence[Message], sampling: Sampling, n: int, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "input": [message.as_dict() for message in messages],
            "stream": False,  # some servers stream unless told not to
            "max_output_tokens": sampling.max_tokens,
            **sampled(sampling),
        }
        if sampling.schema is not None:
            asked = {"type": "json_schema", "name": "answer", "schema": dict(sampling.schema), "strict": True}
            body["text"] = {"format": asked}
        return merged(body, extra)

    def completions(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> list[Completion]:
        if answer.get("status") == "failed":
            raise FailedAnswer(json.dumps(answer.get("error"), ensure_ascii=False))
        parts = [
            part
            for item in need(answer, "output", list)
            if isinstance(item, Mapping) and item.get("type") == "message"
            for part in need(item, "content", list)
        ]
        refusals = [need(part, "refusal", str) for part in parts if need(part, "type", str) == "refusal"]
        texts = [need(part, "text", str) for part in parts if need(part, "type", str) == "output_text"]
        reason = "refusal" if refusals else self._finish(answer, request)
        return [Completion(text="".join(refusals or texts), finish_reason=reason)]

    def _finish(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> str:
        status = answer.get("status")
        if status == "incomplete":
            reason = need(need(answer, "incomplete_details", Mapping), "reason", str)
            return "length" if reason == "max_output_tokens" else reason
        if status not in ("completed", None):
            raise MalformedAnswer(f"'status' is {short(status)}")
        # Some servers call every answer completed, also one that the cap cut off.
        cap = request.get("max_output_tokens")
        if cap is not None and counted(answer).get("output_tokens", 0) >= cap:
            return "length"
        return "unknown" if status is None else "stop"
