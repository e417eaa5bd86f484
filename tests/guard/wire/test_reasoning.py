"""Reasoning kept back: nothing of it is left, all else is, and the families' libraries still read what is left."""

from copy import deepcopy
from typing import Any

import anthropic
import openai
import orjson
import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from stillhouse.guard.wire import (
    AnswerEdit,
    Chat,
    Completions,
    CountTokens,
    Embeddings,
    Messages,
    Responses,
    Wire,
    reasoning_edit,
)
from stillhouse.guard.wire.reasoning import ask_without_reasoning
from tests.guard.wire.feeding import assembled, cut, cuts, edited, few, noise
from tests.guard.wire.sdk import anthropic_reads, openai_reads
from tests.guard.wire.streams import CHAT, MESSAGES, RESPONSES, Example, chunk, sse

RICH = MESSAGES["thinking, search, citations and tools"]
ASKED = RESPONSES["reasoning, text and a call"]
SECRETS = (b"2 and", b"Think", b"I should", b" look.", b"EqQB", b"EmwK", b"Adding", b"gAAA")
EXAMPLES: list[tuple[Wire, Example]] = [
    *((Chat(), example) for example in CHAT.values()),
    (Responses(), ASKED),
    (Messages(), RICH),
]


def edit(wire: Wire) -> AnswerEdit:
    found = reasoning_edit(wire)
    assert found is not None
    return found


def stripped(wire: Wire, body: Any) -> Any:
    body = deepcopy(body)
    edit(wire).edit_body(body)
    return body


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
@few
@given(places=cuts)
def test_a_stripped_stream_is_the_stripped_answer(wire: Wire, example: Example, places: list[int]) -> None:
    stream = edited([edit(wire)], cut(example.stream, places))
    found = assembled(wire.assembler(), [stream])
    assert found.complete and found.body is not None and found.usage == example.usage
    whole = stripped(wire, example.whole)
    if wire.api == "chat.completions":  # only that of the answer's own tokens is left, where a stream shows them apart
        for body in (found.body, whole):
            for choice in body["choices"]:
                choice.pop("logprobs")
    assert found.body == whole
    for secret in SECRETS:
        assert secret not in stream and secret not in orjson.dumps(whole)


@pytest.mark.parametrize("name", ["text", "two tools at once", "refusal", "audio"])
def test_a_chat_without_reasoning_keeps_its_bytes(name: str) -> None:
    assert edited([edit(Chat())], [CHAT[name].stream]) == CHAT[name].stream
    assert stripped(Chat(), CHAT[name].whole) == CHAT[name].whole


def test_a_message_without_thinking_keeps_its_bytes() -> None:
    assert edited([edit(Messages())], [MESSAGES["text"].stream]) == MESSAGES["text"].stream


def test_an_emptied_delta_is_still_a_chunk() -> None:
    event = sse([chunk({"reasoning_content": "x", "reasoning_details": [1], "thinking_blocks": [2]})])
    expected = sse([chunk({})])
    assert edited([edit(Chat())], [event]) == expected


def test_log_probabilities_of_reasoning_go_with_it() -> None:
    token = {"content": [{"token": "x"}]}
    thought, spoken = chunk({"reasoning": "x"}, logprobs=token), chunk({"content": "x"}, logprobs=token)
    thought["choices"][0]["token_ids"] = [5]
    stream = edited([edit(Chat())], [sse([thought, spoken])])
    first, second = (orjson.loads(event[6:]) for event in stream.split(b"\n\n")[:-1])
    assert first["choices"][0]["logprobs"] is None and first["choices"][0]["token_ids"] is None
    assert second["choices"][0]["logprobs"] == token
    whole = stripped(Chat(), CHAT["reasoning"].whole)
    assert whole["choices"][0]["logprobs"] is None
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "Four"}


def test_blocks_that_stay_are_numbered_without_gaps() -> None:
    stream = edited([edit(Messages())], [RICH.stream])
    events = [orjson.loads(event.partition(b"\ndata: ")[2]) for event in stream.split(b"\n\n")[:-1]]
    starts = [
        (event["index"], event["content_block"]["type"]) for event in events if event["type"] == "content_block_start"
    ]
    assert starts == list(enumerate(["server_tool_use", "web_search_tool_result", "text", "tool_use", "tool_use"]))
    assert all(event["index"] in range(5) for event in events if "index" in event)
    names = [event.partition(b"\n")[0] for event in stream.split(b"\n\n")[:-1]]
    assert names == [b"event: " + event["type"].encode() for event in events]


def test_reasoning_items_stay_without_what_they_say() -> None:
    for body in (
        stripped(Responses(), ASKED.whole)["output"],
        stripped(Responses(), {"data": ASKED.whole["output"]})["data"],
    ):
        assert body[0] == {"id": "rs_1", "type": "reasoning", "summary": [], "content": [], "encrypted_content": None}
        assert body[1:] == ASKED.whole["output"][1:]
    stream = edited([edit(Responses())], [ASKED.stream])
    types = [event.partition(b"\n")[0][7:] for event in stream.split(b"\n\n")[:-1]]
    assert not [kind for kind in types if kind.startswith(b"response.reasoning")]
    assert types.count(b"response.output_item.added") == types.count(b"response.output_item.done") == 3


def test_openais_library_reads_a_stripped_chat() -> None:
    async def final(client: openai.AsyncOpenAI) -> ChatCompletion:
        async with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream:
            return await stream.get_final_completion()

    for name in ("reasoning", "reasoning_content"):
        message = openai_reads(edited([edit(Chat())], [CHAT[name].stream]), final).choices[0].message
        assert message.content == "Four" and not message.model_extra


def test_openais_library_reads_a_stripped_response() -> None:
    async def final(client: openai.AsyncOpenAI) -> Response:
        async with client.responses.stream(model="m", input="hi") as stream:
            return await stream.get_final_response()

    found = openai_reads(edited([edit(Responses())], [ASKED.stream]), final)
    assert found.output_text == "Four."
    assert [item.type for item in found.output] == ["reasoning", "message", "function_call"]


def test_anthropics_library_reads_a_stripped_message() -> None:
    async def final(client: anthropic.AsyncAnthropic) -> Message:
        async with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            return await stream.get_final_message()

    found = anthropic_reads(edited([edit(Messages())], [RICH.stream]), final)
    assert found.model_dump(exclude_none=True) == Message.model_validate(stripped(Messages(), RICH.whole)).model_dump(
        exclude_none=True
    )


@pytest.mark.parametrize("wire", [Completions(), Embeddings(), CountTokens()])
def test_other_apis_show_no_reasoning(wire: Wire) -> None:
    assert reasoning_edit(wire) is None
    assert ask_without_reasoning(wire, {"reasoning": 1}) == ()


@pytest.mark.parametrize("wire", [Chat(), Responses(), Messages()])
@few
@given(noise, cuts)
def test_noise_goes_through_or_is_refused(wire: Wire, stream: bytes, places: list[int]) -> None:
    from stillhouse.guard.refusal import Refusal

    try:
        edited([edit(wire)], cut(stream, places))
    except Refusal as error:
        assert error.kind == "upstream"


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["reasoning", "thinking", "enabled", "tool_result", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "delta", "reasoning", "type", "content", "output", "summary"]), inner
        )
    ),
    max_leaves=8,
)
FIELDS = ["choices", "content", "output", "data", "include", "reasoning", "input", "store", "thinking", "messages"]


@pytest.mark.parametrize("wire", [Chat(), Responses(), Messages()])
@few
@given(st.dictionaries(st.sampled_from(FIELDS), json))
def test_any_body_is_edited_and_any_request_asked(wire: Wire, body: dict[str, Any]) -> None:
    once = stripped(wire, body)
    assert stripped(wire, once) == once
    ask_without_reasoning(wire, body)
    asked = deepcopy(body)
    ask_without_reasoning(wire, body)
    assert body == asked


def test_chat_requests_stay_as_they_are() -> None:
    body = {"model": "m", "reasoning_effort": "high", "messages": []}
    asked = deepcopy(body)
    assert ask_without_reasoning(Chat(), asked) == ("reasoning",) and asked == body


def test_responses_are_not_asked_for_what_is_kept_back() -> None:
    emptied: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None}
    sealed = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA"}
    spoken = {"type": "message", "role": "assistant", "content": "Four."}
    body: dict[str, Any] = {
        "include": ["reasoning.encrypted_content", "file_search_call.results"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "input": [emptied, sealed, spoken],
        "store": False,
    }
    assert ask_without_reasoning(Responses(), body) == ("reasoning",)
    assert body == {
        "include": ["file_search_call.results"],
        "reasoning": {"effort": "low"},
        "input": [sealed, spoken],
        "store": False,
    }


def test_an_item_that_the_upstream_keeps_is_still_referred_to() -> None:
    body: dict[str, Any] = {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}
    before = deepcopy(body)
    ask_without_reasoning(Responses(), body)
    assert body == before


_TOOL = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
_RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}
_THOUGHT = {"type": "thinking", "thinking": "x", "signature": "s"}


@pytest.mark.parametrize(
    ("thinking", "messages", "off"),
    [
        ("enabled", [{"role": "user", "content": "hi"}], False),
        ("enabled", [{"role": "assistant", "content": [_TOOL]}, _RESULT], True),
        ("enabled", [{"role": "assistant", "content": [{"type": "text", "text": "a"}, _TOOL]}, _RESULT], True),
        ("enabled", [{"role": "assistant", "content": [_THOUGHT, _TOOL]}, _RESULT], False),
        ("enabled", [{"role": "assistant", "content": "a"}, {"role": "user", "content": "go on"}], False),
        ("adaptive", [{"role": "assistant", "content": [_TOOL]}, _RESULT], False),
    ],
)
def test_thinking_is_off_only_where_the_api_would_refuse_the_turn(
    thinking: str, messages: list[dict[str, Any]], off: bool
) -> None:
    asked = {"type": thinking, "budget_tokens": 2048}
    body: dict[str, Any] = {"thinking": asked, "messages": messages}
    assert ask_without_reasoning(Messages(), body) == (("reasoning", "thinking") if off else ("reasoning",))
    assert body == {"thinking": {"type": "disabled"} if off else asked, "messages": messages}
