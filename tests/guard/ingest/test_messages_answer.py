"""LiteLLM's chat form of an answer, back in the form of the messages API."""

from typing import Any

import pytest

from stillhouse.guard.ingest.messages_answer import messages_answer


def chat(message: Any, end: Any = "stop") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "model": "m",
        "object": "chat.completion",
        "choices": [{"message": message, "finish_reason": end}],
    }


def test_thinking_text_and_tools_become_blocks_in_their_order() -> None:
    thought = {"type": "thinking", "thinking": "Grey.", "signature": "s"}
    call = {"id": "t1", "type": "function", "function": {"name": "sky", "arguments": '{"city": "Cork"}'}}
    message = {"role": "assistant", "content": "Rain.", "thinking_blocks": [thought], "tool_calls": [call]}
    assert messages_answer(chat(message, "tool_calls")) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            thought,
            {"type": "text", "text": "Rain."},
            {"type": "tool_use", "id": "t1", "name": "sky", "input": {"city": "Cork"}},
        ],
        "stop_reason": "tool_use",
    }


@pytest.mark.parametrize(
    ("end", "expected"), [("stop", "end_turn"), ("length", "max_tokens"), ("pause", "pause"), (None, None), ([], None)]
)
def test_why_it_ended(end: Any, expected: str | None) -> None:
    assert messages_answer(chat({"content": "Rain."}, end))["stop_reason"] == expected


def test_reasoning_text_is_a_thinking_block() -> None:
    found = messages_answer(chat({"content": None, "reasoning_content": "Grey."}))
    assert found["content"] == [{"type": "thinking", "thinking": "Grey."}]


def test_words_that_are_withheld_stay_so() -> None:
    assert messages_answer(chat({"role": "assistant", "content": None}))["content"] is None


@pytest.mark.parametrize("arguments", ['{"city": ', None, {"city": "Cork"}])
def test_arguments_that_are_no_json_stay_as_written(arguments: Any) -> None:
    call = {"id": "t1", "function": {"name": "sky", "arguments": arguments}}
    (block,) = messages_answer(chat({"content": None, "tool_calls": [call]}))["content"]
    assert block["input"] == arguments


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Rain."}]},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{"message": "x"}]},
        {"choices": {"0": 1}},
    ],
)
def test_what_is_no_chat_answer_stays_as_it_is(answer: Any) -> None:
    assert messages_answer(answer) is answer


def test_a_tool_call_of_no_known_form_stays_as_it_is() -> None:
    assert messages_answer(chat({"content": None, "tool_calls": ["x"]}))["content"] == ["x"]
