"""Anthropic's messages format: the system turn apart, text out of content blocks, all that was read counted."""

from typing import Any

import pytest

from stillhouse.models.wire import MalformedAnswer, Messages
from stillhouse.types import Completion, Message, Sampling

WIRE = Messages()
ASK = [Message("system", "Be brief."), Message("user", "2 + 2?"), Message("assistant", "4"), Message("user", "3 + 3?")]


def answer(*blocks: dict[str, Any], reason: Any = "end_turn", **usage: int) -> dict[str, Any]:
    told = {"input_tokens": 9, "output_tokens": 5, **usage}
    return {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": reason, "usage": told}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def test_body() -> None:
    schema = {"type": "object"}
    sampling = Sampling(max_tokens=32, temperature=0.5, top_p=0.9, seed=4, schema=schema)
    assert WIRE.body("served", ASK, sampling, 1, {"top_p": None}) == {
        "model": "served",
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "2 + 2?"},
            {"role": "assistant", "content": "4"},
            {"role": "user", "content": "3 + 3?"},
        ],
        "max_tokens": 32,
        "temperature": 0.5,
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }
    assert "system" not in WIRE.body("served", ASK[1:2], sampling, 1, {})


def test_headers() -> None:
    assert WIRE.headers("k") == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert WIRE.headers(None) == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "refusal")],
)
def test_answers(reason: str, expected: str) -> None:
    body = answer({"type": "thinking", "thinking": "Hm."}, said("Fo"), said("ur."), reason=reason)
    assert WIRE.completions(body, {}) == [Completion(text="Four.", finish_reason=expected)]


def test_usage_counts_what_came_from_the_endpoints_cache() -> None:
    assert WIRE.usage(answer(said("a"))) == {"input_tokens": 9, "output_tokens": 5}
    body = answer(said("a"), cache_read_input_tokens=36, cache_creation_input_tokens=4)
    assert WIRE.usage(body) == {"input_tokens": 49, "output_tokens": 5, "cached_input_tokens": 36}
    assert WIRE.usage({}) == {}


@pytest.mark.parametrize(
    "body", [{}, answer({"text": "a"}), answer({"type": "text"}), answer(said("a"), reason=None), {"content": "a"}]
)
def test_a_body_that_lacks_what_it_promises(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        WIRE.completions(body, {})
