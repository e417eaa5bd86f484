"""Completions: how much is asked for, and what their streams have of their own."""

from typing import Any

import pytest

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, Completions
from tests.guard.wire.feeding import assembled
from tests.guard.wire.streams import DONE, sse

WIRE = Completions()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"prompt": "a"}, Asked("m")),
        ({}, Asked("m")),
        ({"prompt": [1, 2, 3]}, Asked("m")),
        ({"prompt": ["a", "b", "c"], "n": 2}, Asked("m", choices=6)),
        ({"prompt": [[1, 2], [3]]}, Asked("m", choices=2)),
        ({"prompt": {"prompt_string": "a"}}, Asked("m")),
        ({"prompt": "a", "n": 2, "best_of": 5, "max_tokens": 7}, Asked("m", output_tokens=7, choices=5)),
        ({"prompt": "a", "n_cmpl": 3, "stream": True}, Asked("m", stream=True, choices=3)),
    ],
)
def test_asked(body: dict[str, Any], expected: Asked) -> None:
    assert WIRE.asked({"model": "m", **body}) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [({"prompt": 3}, "prompt"), ({"prompt": [True]}, "prompt"), ({"best_of": 0}, "best_of"), ({"model": []}, "model")],
)
def test_a_wrong_type_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as error:
        WIRE.asked({"model": "m", **body})
    assert (error.value.kind, error.value.param) == ("invalid_request", param)


def test_log_probabilities_as_llama_cpp_lists_them() -> None:
    def piece(text: str) -> dict[str, Any]:
        return {"choices": [{"text": text, "index": 0, "logprobs": {"content": [{"token": text}]}}]}

    found = assembled(WIRE.assembler(), [sse([piece("a"), piece("b")]) + DONE]).body
    assert found is not None and found["object"] == "text_completion"
    assert found["choices"] == [
        {
            "index": 0,
            "text": "ab",
            "logprobs": {"content": [{"token": "a"}, {"token": "b"}]},
            "finish_reason": None,
        }
    ]
