"""What the formats of OpenAI's family share."""

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.base import Wire
from stillhouse.guard.wire.errors import Family
from stillhouse.models.wire.openai import counted

__all__ = ["OpenAIWire"]


class OpenAIWire(Wire, ABC):
    """Errors and usage as OpenAI has them."""

    family: ClassVar[Family] = "openai"

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return counted(body)
