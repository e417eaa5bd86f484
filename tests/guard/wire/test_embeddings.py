"""Embeddings: nothing is written, so only what was read counts."""

from typing import Any

import pytest

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, Embeddings

WIRE = Embeddings()


@pytest.mark.parametrize("given", ["a", ["a", "b"], [1, 2], [[1], [2]], [{"image": "x"}]])
def test_asked(given: Any) -> None:
    assert WIRE.asked({"model": "m", "input": given, "stream": "no matter"}) == Asked("m", output_tokens=0)


def test_a_wrong_type_is_refused_by_name() -> None:
    with pytest.raises(Refusal) as error:
        WIRE.asked({"model": "m", "input": 5})
    assert error.value.param == "input"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"usage": {"prompt_tokens": 8, "total_tokens": 8}}, {"input_tokens": 8, "output_tokens": 0}),
        ({"usage": {"prompt_tokens": True}}, {}),
        ({"usage": None}, {}),
        ({}, {}),
    ],
)
def test_usage(answer: dict[str, Any], expected: dict[str, int]) -> None:
    assert WIRE.usage(answer) == expected
