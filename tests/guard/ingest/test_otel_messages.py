"""Every kind of part, in the form that a chat request has for it."""

from typing import Any

import pytest

from stillhouse.guard.ingest.otel_messages import chat_choices, chat_messages, chat_tools


def said(*parts: dict[str, Any], role: str = "user") -> list[dict[str, Any]]:
    return chat_messages(None, [{"role": role, "parts": list(parts)}])


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (
            {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        ),
        (
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        ({"type": "compaction", "content": "s"}, {"type": "compaction", "content": "s"}),
    ],
)
def test_parts_other_than_text(part: dict[str, Any], content: dict[str, Any]) -> None:
    text = {"type": "text", "content": "Look:"}
    assert said(text, part) == [{"role": "user", "content": [{"type": "text", "text": "Look:"}, content]}]


def test_one_text_is_the_content_itself_and_none_is_null() -> None:
    assert said({"type": "text", "content": "hi"}) == [{"role": "user", "content": "hi"}]
    assert said() == [{"role": "user", "content": None}]
    assert said({"type": "text"}) == [{"role": "user", "content": None}]


def test_answers_of_several_tools_are_messages_of_their_own() -> None:
    found = said(
        {"type": "tool_call_response", "id": "c1", "response": "grey"},
        {"type": "tool_call_response", "id": "c2", "result": [1]},
        role="tool",
    )
    assert found == [
        {"role": "tool", "tool_call_id": "c1", "content": "grey"},
        {"role": "tool", "tool_call_id": "c2", "content": "[1]"},
    ]


def test_instructions_come_first_as_parts_or_as_text() -> None:
    system = {"role": "system", "content": "Be brief."}
    assert chat_messages([{"type": "text", "content": "Be brief."}], []) == [system]
    assert chat_messages("Be brief.", []) == [system]


def test_older_messages_have_plain_content() -> None:
    assert chat_messages(None, [{"role": "user", "name": "ann", "content": "hi"}]) == [
        {"role": "user", "name": "ann", "content": "hi"}
    ]
    assert chat_messages(None, [{"role": "user", "content": 7}]) == [{"role": "user", "content": None}]


def test_choices_take_their_reasons_in_order() -> None:
    out = [{"role": "assistant", "parts": [{"type": "text", "content": text}]} for text in "ab"]
    out[1]["finish_reason"] = "tool_call"
    assert [(one["index"], one["finish_reason"]) for one in chat_choices(out, ["length"])] == [
        (0, "length"),
        (1, "tool_calls"),
    ]
    assert chat_choices([{"role": "assistant", "parts": [], "finish_reason": 7}], []) == [
        {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": None}
    ]


def test_tools_in_the_chat_form_stay() -> None:
    tool = {"type": "function", "function": {"name": "sky"}}
    assert chat_tools([tool]) == [tool]


@pytest.mark.parametrize("messages", ["x", {"role": "user"}, ["x"], [{"role": 7}], [{"role": "user", "parts": "x"}]])
def test_what_are_no_messages(messages: Any) -> None:
    with pytest.raises(ValueError, match=r"no list of objects|an object with a role"):
        chat_messages(None, messages)
