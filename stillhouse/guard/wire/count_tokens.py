"""Anthropic's `messages/count_tokens`: how long a request would be. No model answers, so nothing is logged."""

from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.assembling import NothingAssembled
from stillhouse.guard.wire.base import Asked, Assembler, Wire
from stillhouse.guard.wire.errors import Family
from stillhouse.guard.wire.fields import need_list, read_model
from stillhouse.types import Api

__all__ = ["CountTokens"]


class CountTokens(Wire):
    """`POST /messages/count_tokens`."""

    api: ClassVar[Api | None] = None
    family: ClassVar[Family] = "anthropic"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        need_list(body, "messages")
        return Asked(model, output_tokens=0)

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return {}

    def assembler(self) -> Assembler:
        return NothingAssembled()
