"""Counting tokens: a question that no model answers."""

import pytest

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, CountTokens

WIRE = CountTokens()


def test_asked() -> None:
    assert WIRE.api is None
    assert WIRE.asked({"model": "m", "messages": []}) == Asked("m", output_tokens=0)
    assert WIRE.usage({"input_tokens": 14}) == {}
    with pytest.raises(Refusal) as error:
        WIRE.asked({"model": "m"})
    assert error.value.param == "messages"
