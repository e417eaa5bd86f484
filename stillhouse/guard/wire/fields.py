"""The few fields of a request that rules and limits read, each checked in one way for all formats.

A field that we count with must mean to the upstream what it means to us. Lenient servers take "8" for 8 and true for 1,
so here a wrong type is refused. Null is as if the field were not there.
"""

from collections.abc import Mapping
from typing import Any

from stillhouse.guard.refusal import Refusal

__all__ = ["LARGEST", "need_list", "read_count", "read_flag", "read_limit", "read_model", "wrong"]

LARGEST = 2**31 - 1
"""No count is larger; servers keep them in 32 bits."""


def read_model(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if type(model) is not str or not model:
        raise wrong("model", "must name the model to ask")
    return model


def read_flag(body: Mapping[str, Any], name: str) -> bool:
    """False where it is absent."""
    value = body.get(name)
    if value is None or value is False:
        return False
    if value is not True:
        raise wrong(name, "must be true or false")
    return True


def read_limit(body: Mapping[str, Any], name: str) -> int | None:
    """A count of tokens, 0 too; None where it is absent."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise wrong(name, f"must be a whole number from 0 to {LARGEST}")
    return value


def read_count(body: Mapping[str, Any], name: str) -> int:
    """How many; 1 where it is absent."""
    value = body.get(name)
    if value is None:
        return 1
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise wrong(name, f"must be a whole number from 1 to {LARGEST}")
    return value


def need_list(body: Mapping[str, Any], name: str) -> None:
    if type(body.get(name)) is not list:
        raise wrong(name, "must be a list")


def wrong(name: str, message: str) -> Refusal:
    """The refusal of a request whose field `name` has the wrong type or value."""
    return Refusal("invalid_request", f"request.{name}", f"`{name}` {message}.", param=name)
