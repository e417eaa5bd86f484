"""OpenAI's responses format: text out of output messages, the cap seen even where a server does not say so."""

from typing import Any

import pytest

from stillhouse.models.wire import FailedAnswer, MalformedAnswer, Responses
from stillhouse.types import Completion, Message, Sampling

WIRE = Responses()


def answer(*parts: dict[str, Any], status: str | None = "completed", written: int = 5, **fields: Any) -> dict[str, Any]:
    thinking = {"type": "reasoning", "summary": []}
    message = {"type": "message", "role": "assistant", "content": list(parts)}
    usage = {"input_tokens": 9, "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 2}}
    return {"object": "response", "status": status, "output": [thinking, message], "usage": usage, **fields}


def said(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def test_body() -> None:
    schema = {"type": "object"}
    sampling = Sampling(max_tokens=32, temperature=1.0, seed=4, schema=schema)
    assert WIRE.body("served", [Message("user", "2 + 2?")], sampling, 1, {"store": False}) == {
        "model": "served",
        "input": [{"role": "user", "content": "2 + 2?"}],
        "stream": False,
        "max_output_tokens": 32,
        "temperature": 1.0,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}},
        "store": False,
    }


def test_answers() -> None:
    assert WIRE.completions(answer(said("Fo"), said("ur.")), {"max_output_tokens": 32}) == [Completion(text="Four.")]
    refused = answer({"type": "refusal", "refusal": "I can't."})
    assert WIRE.completions(refused, {}) == [Completion(text="I can't.", finish_reason="refusal")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (answer(said("Fo"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (answer(said("Fo"), status="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
        (answer(said("Fo"), written=32), "length"),
        (answer(said("Fo"), written=31), "stop"),
        (answer(said("Fo"), written=31, status=None), "unknown"),
        (answer(said("Fo"), written=32, status=None), "length"),
    ],
)
def test_why_it_ended(body: dict[str, Any], reason: str) -> None:
    assert WIRE.completions(body, {"max_output_tokens": 32})[0].finish_reason == reason


def test_usage() -> None:
    assert WIRE.usage(answer(said("Four."))) == {"input_tokens": 9, "output_tokens": 5, "reasoning_tokens": 2}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"output": [{"type": "message"}]},
        answer({"type": "output_text"}),
        answer({"text": "no type"}),
        answer(said("Fo"), status="queued"),
        answer(said("Fo"), status="incomplete"),
    ],
)
def test_a_body_that_lacks_what_it_promises(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        WIRE.completions(body, {})


def test_an_answer_that_failed_says_why() -> None:
    with pytest.raises(FailedAnswer, match=r'^\{"code": "server_error"\}$'):
        WIRE.completions({"status": "failed", "error": {"code": "server_error"}, "output": []}, {})
