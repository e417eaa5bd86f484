"""OpenAI's `chat.completions`, which most servers of open weights speak too."""

from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.base import Asked, Assembler
from stillhouse.guard.wire.choices import ChoicesAssembler
from stillhouse.guard.wire.fields import need_list, read_count, read_flag, read_limit, read_model
from stillhouse.guard.wire.openai import OpenAIWire
from stillhouse.types import Api

__all__ = ["Chat"]


class Chat(OpenAIWire):
    """`POST /chat/completions`. Of two caps on the answer the larger counts: servers differ in which they obey."""

    api: ClassVar[Api | None] = "chat.completions"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        need_list(body, "messages")
        older, newer = read_limit(body, "max_tokens"), read_limit(body, "max_completion_tokens")
        most = newer if older is None else older if newer is None else max(older, newer)
        choices = read_count(body, "n")
        if "n_cmpl" in body:  # llama.cpp's own name
            choices = max(choices, read_count(body, "n_cmpl"))
        return Asked(model, read_flag(body, "stream"), most, choices)

    def assembler(self) -> Assembler:
        return ChoicesAssembler("chat.completion", chat=True)
