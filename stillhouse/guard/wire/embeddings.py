"""OpenAI's `embeddings`: texts in, vectors out. Nothing is written, and nothing is streamed."""

from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.assembling import NothingAssembled
from stillhouse.guard.wire.base import Asked, Assembler
from stillhouse.guard.wire.completions import prompts
from stillhouse.guard.wire.fields import read_model
from stillhouse.guard.wire.openai import OpenAIWire
from stillhouse.models.wire.base import integer
from stillhouse.types import Api

__all__ = ["Embeddings"]


class Embeddings(OpenAIWire):
    """`POST /embeddings`."""

    api: ClassVar[Api | None] = "embeddings"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        prompts(body, "input")
        return Asked(model, output_tokens=0)

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        read = integer(body.get("usage"), "prompt_tokens")
        return {} if read is None else {"input_tokens": read, "output_tokens": 0}

    def assembler(self) -> Assembler:
        return NothingAssembled()
