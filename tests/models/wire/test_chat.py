"""OpenAI's chat format: the body as documented, every answer shape that servers send."""

from typing import Any

import pytest

from stillhouse.models.wire import ChatCompletions, MalformedAnswer
from stillhouse.types import Completion, Message, Sampling

WIRE = ChatCompletions()
SURE = {"token": "Four", "logprob": 0.0}
ASK = [Message("system", "Be brief."), Message("user", "2 + 2?")]


def choice(content: Any, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **fields}}


def test_body() -> None:
    sampling = Sampling(max_tokens=16, temperature=0.7, top_p=0.9, seed=5)
    assert WIRE.body("served", ASK, sampling, 4, {"stop": ["\n"]}) == {
        "model": "served",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}],
        "max_tokens": 16,
        "temperature": 0.7,
        "top_p": 0.9,
        "n": 4,
        "seed": 5,
        "stop": ["\n"],
    }


def test_body_leaves_out_what_says_nothing() -> None:
    body = WIRE.body("served", ASK[1:], Sampling(max_tokens=16, temperature=0.0), 1, {})
    assert set(body) == {"model", "messages", "max_tokens", "temperature"}


def test_a_field_that_is_null_in_extra_goes() -> None:
    extra = {"max_tokens": None, "max_completion_tokens": 64}
    body = WIRE.body("served", ASK, Sampling(max_tokens=16), 1, extra)
    assert "max_tokens" not in body and body["max_completion_tokens"] == 64


def test_a_schema_is_a_response_format() -> None:
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}}
    assert WIRE.body("served", ASK, Sampling(schema=schema), 1, {})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    }


def test_the_key_is_a_bearer_token() -> None:
    assert WIRE.headers("k") == {"Authorization": "Bearer k"}
    assert WIRE.headers(None) == {}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (choice("Four."), Completion(text="Four.", finish_reason="stop")),
        (choice("Fo", "length"), Completion(text="Fo", finish_reason="length")),
        (choice(None, "length"), Completion(text="", finish_reason="length")),
        (choice("Four.", None), Completion(text="Four.", finish_reason="unknown")),
        (choice("Four.", ""), Completion(text="Four.", finish_reason="unknown")),
        (choice("Four.", "eos"), Completion(text="Four.", finish_reason="stop")),
        (choice("", "content_filter"), Completion(text="", finish_reason="content_filter")),
        (choice(None, refusal="I can't."), Completion(text="I can't.", finish_reason="refusal")),
        (choice("Four.", refusal=None), Completion(text="Four.", finish_reason="stop")),
    ],
)
def test_answers(one: dict[str, Any], expected: Completion) -> None:
    assert WIRE.completions({"choices": [one]}, {}) == [expected]


def test_several_answers_keep_their_order() -> None:
    found = WIRE.completions({"choices": [choice("a"), choice("b", "length")]}, {})
    assert [one.text for one in found] == ["a", "b"]


def test_logprobs_with_and_without_ids() -> None:
    content = [
        {
            "token": "Fo",
            "id": 7,
            "logprob": -0.5,
            "top_logprobs": [{"token": "Fo", "logprob": -0.5}, {"token": "Fi", "logprob": -1.25}],
        },
        {"token": "ur", "id": 8, "logprob": -0.125, "top_logprobs": []},
    ]
    answer = {"choices": [{**choice("Four"), "logprobs": {"content": content}}]}
    assert WIRE.completions(answer, {}) == [Completion(text="Four", tokens=(7, 8), logprobs=(-0.5, -0.125))]
    for token in content:
        del token["id"]
    assert WIRE.completions(answer, {}) == [Completion(text="Four", tokens=(), logprobs=(-0.5, -0.125))]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": None},
        {"choices": ["text"]},
        {"choices": []},
        {"choices": [None]},
        {"choices": [choice(None, refusal=5)]},
        {"choices": [{**choice("Four"), "logprobs": {"content": 5}}]},
        {"choices": [{**choice("Four"), "logprobs": {"content": [{**SURE, "top_logprobs": [[1]]}]}}]},
        {"choices": [{**choice("Four"), "logprobs": {"content": [{**SURE, "top_logprobs": 3}]}}]},
        {"choices": [{**choice("Four"), "logprobs": {"content": [{"token": "Four", "logprob": 10**400}]}}]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"message": "text"}]},
        {"choices": [choice(["part"])]},
        {"choices": [{**choice("Four"), "logprobs": {"content": [{"token": "Four", "logprob": None}]}}]},
        {"choices": [{**choice("Four"), "logprobs": {"content": ["Four"]}}]},
    ],
)
def test_a_body_that_lacks_what_it_promises(answer: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        WIRE.completions(answer, {})


def test_usage() -> None:
    told = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    assert WIRE.usage({"usage": told}) == {
        "input_tokens": 100,
        "output_tokens": 30,
        "cached_input_tokens": 64,
        "reasoning_tokens": 20,
    }
    assert WIRE.usage({"usage": {"prompt_tokens": 1, "completion_tokens": 0, "prompt_tokens_details": None}}) == {
        "input_tokens": 1,
        "output_tokens": 0,
    }


def test_what_the_endpoint_had_is_part_of_what_was_read() -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 64}}
    assert WIRE.usage({"usage": told}) == {"input_tokens": 10, "output_tokens": 3, "cached_input_tokens": 10}


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"prompt_tokens": 3},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 10**400, "completion_tokens": 1},
        5,
    ],
)
def test_usage_that_is_not_told(told: Any) -> None:
    assert WIRE.usage({"usage": told}) == {}
