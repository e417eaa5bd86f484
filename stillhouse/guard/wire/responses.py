"""OpenAI's `responses`: one answer a call, made of items; answers can be kept there and asked for again by their id."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire.base import Asked, Assembler
from stillhouse.guard.wire.errors import openai_error
from stillhouse.guard.wire.fields import read_flag, read_limit, read_model, wrong
from stillhouse.guard.wire.openai import OpenAIWire
from stillhouse.guard.wire.responses_stream import ResponsesAssembler
from stillhouse.types import Api

__all__ = ["Responses"]


class Responses(OpenAIWire):
    """`POST /responses`, and what is done with answers that are kept."""

    api: ClassVar[Api | None] = "responses"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        given = body.get("input")
        if given is not None and type(given) is not str and type(given) is not list:
            raise wrong("input", "must be a text or a list")
        return Asked(model, read_flag(body, "stream"), read_limit(body, "max_output_tokens"))

    def assembler(self) -> Assembler:
        return ResponsesAssembler()

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        """OpenAI's reference has the fields flat and its servers send them under `error`; clients exist for either."""
        error = openai_error(refusal)
        event = {"type": "error", "sequence_number": 0, **{name: error[name] for name in ("code", "message", "param")}}
        return b"event: error\ndata: " + orjson.dumps({**event, "error": error}) + b"\n\n"
