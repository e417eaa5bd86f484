"""Anthropic's `messages`: one answer a call, made of content blocks."""

from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.base import Asked, Assembler, Wire
from stillhouse.guard.wire.errors import Family
from stillhouse.guard.wire.fields import need_list, read_flag, read_limit, read_model
from stillhouse.guard.wire.messages_stream import MessagesAssembler
from stillhouse.models.wire.base import integer
from stillhouse.models.wire.messages import Messages as ClientMessages
from stillhouse.types import Api

__all__ = ["Messages", "counted"]

_CLIENT = ClientMessages()


class Messages(Wire):
    """`POST /messages`."""

    api: ClassVar[Api | None] = "messages"
    family: ClassVar[Family] = "anthropic"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        need_list(body, "messages")
        return Asked(model, read_flag(body, "stream"), read_limit(body, "max_tokens"))

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return counted(body)

    def assembler(self) -> Assembler:
        return MessagesAssembler(counted)


def counted(body: Mapping[str, Any]) -> dict[str, int]:
    """`usage` of a message under our names; what came from a cache or went into one was read too."""
    found = _CLIENT.usage(body)
    if found:
        thought = integer(body["usage"].get("output_tokens_details"), "thinking_tokens")
        if thought is not None:
            found["reasoning_tokens"] = thought
    return found
