"""Messages: what is asked, and streams put together as Anthropic's own library does, whole or cut off."""

from typing import Any

import anthropic
import orjson
import pytest
from anthropic.types import Message

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, Messages
from tests.guard.wire.feeding import assembled
from tests.guard.wire.sdk import anthropic_reads
from tests.guard.wire.streams import MESSAGES, sse

WIRE = Messages()
EVENTS = {
    name: [orjson.loads(event.partition(b"\ndata: ")[2]) for event in example.stream.split(b"\n\n")[:-1]]
    for name, example in MESSAGES.items()
}
RICH = "thinking, search, citations and tools"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_tokens": 5}, Asked("m", output_tokens=5)),
        ({"max_tokens": 5, "stream": True, "thinking": 3}, Asked("m", stream=True, output_tokens=5)),
        ({}, Asked("m")),
    ],
)
def test_asked(body: dict[str, Any], expected: Asked) -> None:
    assert WIRE.asked({"model": "m", "messages": [], **body}) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [({"messages": None}, "messages"), ({"max_tokens": "5"}, "max_tokens"), ({"stream": 1}, "stream")],
)
def test_a_wrong_type_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as error:
        WIRE.asked({"model": "m", "messages": [], **body})
    assert (error.value.kind, error.value.param) == ("invalid_request", param)


async def final(client: anthropic.AsyncAnthropic) -> Message:
    async with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("name", MESSAGES)
def test_assembled_as_anthropics_library_does(name: str) -> None:
    theirs = anthropic_reads(MESSAGES[name].stream, final).model_dump(exclude_none=True)
    ours = assembled(WIRE.assembler(), [MESSAGES[name].stream]).body
    assert Message.model_validate(ours).model_dump(exclude_none=True) == theirs


@pytest.mark.parametrize("count", range(2, len(EVENTS[RICH])))
def test_cut_off_as_anthropics_library_does(count: int) -> None:
    stream = sse(EVENTS[RICH][:count], named=True)
    theirs = anthropic_reads(stream, final).model_dump(exclude_none=True)
    ours = assembled(WIRE.assembler(), [stream])
    assert not ours.complete
    assert Message.model_construct(**ours.body or {}).model_dump(exclude_none=True) == theirs


def test_input_that_is_no_json_is_kept_as_it_came() -> None:
    began = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"a" "b"}'}
    events = [
        EVENTS["text"][0],
        {"type": "content_block_start", "index": 0, "content_block": began},
        {"type": "content_block_delta", "index": 0, "delta": delta},
    ]
    found = assembled(WIRE.assembler(), [sse(events)]).body
    assert found is not None and found["content"][0]["input"] == {"INVALID_JSON": '{"a" "b"}'}


def test_blocks_and_fields_of_later_versions() -> None:
    events = [
        EVENTS["text"][0],
        {"type": "content_block_start", "index": 0, "content_block": {"type": "poem", "verse": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "verse_delta", "verse": "b", "feet": 4}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "verse_delta", "verse": "c", "feet": 5}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "compaction", "content": None}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "compaction_delta", "content": "long"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "compaction_delta", "content": "short"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "container": None},
            "usage": {"output_tokens": 3, "input_tokens": None},
            "context_management": {"applied_edits": []},
        },
        {"type": "no such event", "index": 0},
        {"type": "message_stop"},
    ]
    found = assembled(WIRE.assembler(), [sse(events)])
    assert found.complete and found.body is not None
    assert found.body["content"] == [
        {"type": "poem", "verse": "abc", "feet": 5},
        {"type": "compaction", "content": "short"},
    ]
    assert found.body["container"] is None and found.body["context_management"] == {"applied_edits": []}
    assert found.usage["input_tokens"] == 162 and found.usage["output_tokens"] == 3


def test_a_stream_whose_start_is_left_out() -> None:
    """As llama.cpp sends it where the first token is half a character."""
    found = assembled(WIRE.assembler(), [sse(EVENTS["text"][1:], named=True)])
    assert found.complete and found.usage == {} and found.body is not None
    assert found.body["content"] == [{"type": "text", "text": "Hello"}]
    assert (found.body["role"], found.body["stop_reason"]) == ("assistant", "end_turn")


def test_an_error_inside_of_a_stream() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    found = assembled(WIRE.assembler(), [sse([*EVENTS["text"][:3], {"type": "error", "error": error}], named=True)])
    assert found.error == error and not found.complete and found.body is not None
    assert found.body["content"] == [{"type": "text", "text": ""}]


def test_tool_arguments_that_nest_without_end_do_not_keep_the_answer_out_of_the_log() -> None:
    deep = "[" * 995 + "]" * 995
    events = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "input": {}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": deep}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ]
    body = assembled(WIRE.assembler(), [sse(events, named=True)]).body
    assert body is not None and orjson.dumps(body)
