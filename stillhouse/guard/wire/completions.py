"""OpenAI's older `completions`: texts go on."""

from collections.abc import Mapping
from typing import Any, ClassVar

from stillhouse.guard.wire.base import Asked, Assembler
from stillhouse.guard.wire.choices import ChoicesAssembler
from stillhouse.guard.wire.fields import read_count, read_flag, read_limit, read_model, wrong
from stillhouse.guard.wire.openai import OpenAIWire
from stillhouse.types import Api

__all__ = ["Completions", "prompts"]


class Completions(OpenAIWire):
    """`POST /completions`. `choices` counts what is written: `best_of` where it is more than `n`, for each prompt."""

    api: ClassVar[Api | None] = "completions"

    def asked(self, body: Mapping[str, Any]) -> Asked:
        model = read_model(body)
        each = max(read_count(body, "n"), read_count(body, "best_of"))
        if "n_cmpl" in body:  # llama.cpp's own name
            each = max(each, read_count(body, "n_cmpl"))
        most = read_limit(body, "max_tokens")
        return Asked(model, read_flag(body, "stream"), most, each * prompts(body, "prompt"))

    def assembler(self) -> Assembler:
        return ChoicesAssembler("text_completion", chat=False)


def prompts(body: Mapping[str, Any], name: str) -> int:
    """How many texts `name` holds: one text, one list of tokens, or a list of texts, of lists of tokens, of objects."""
    given = body.get(name)
    if given is None or type(given) in (str, dict):
        return 1
    if type(given) is not list:
        raise wrong(name, "must be a text or a list")
    if not given or type(given[0]) is int:
        return 1
    if type(given[0]) not in (str, list, dict):
        raise wrong(name, "must be a text, a list of tokens, or a list of these")
    return len(given)
