"""Chat: what is asked, and streams of several servers put together, as OpenAI's own library does."""

from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, Chat
from tests.guard.wire.feeding import assembled, many
from tests.guard.wire.sdk import openai_reads
from tests.guard.wire.streams import CHAT, DONE, chunk, sse

WIRE = Chat()
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Asked("m")),
        ({"stream": True}, Asked("m", stream=True)),
        ({"stream": None, "n": None, "max_tokens": None}, Asked("m")),
        ({"max_tokens": 5}, Asked("m", output_tokens=5)),
        ({"max_completion_tokens": 6}, Asked("m", output_tokens=6)),
        ({"max_tokens": 5, "max_completion_tokens": 6}, Asked("m", output_tokens=6)),
        ({"max_tokens": 0}, Asked("m", output_tokens=0)),
        ({"n": 3}, Asked("m", choices=3)),
        ({"n_cmpl": 4}, Asked("m", choices=4)),
        ({"messages": [], "no_such_field": {"a": 1}}, Asked("m")),
    ],
)
def test_asked(more: dict[str, Any], expected: Asked) -> None:
    assert WIRE.asked({**ASKED, **more}) == expected


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": {}}, "messages"),
        ({"stream": 1}, "stream"),
        ({"stream": "true"}, "stream"),
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"n": True}, "n"),
        ({"n": 1.0}, "n"),
        ({"n": "8"}, "n"),
        ({"n": 10**12}, "n"),
        ({"n_cmpl": "2"}, "n_cmpl"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1e9}, "max_tokens"),
        ({"max_tokens": False}, "max_tokens"),
        ({"max_completion_tokens": 2**31}, "max_completion_tokens"),
        ({"max_completion_tokens": [5]}, "max_completion_tokens"),
    ],
)
def test_a_wrong_type_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as error:
        WIRE.asked({**ASKED, **more})
    assert (error.value.kind, error.value.param, error.value.rule) == ("invalid_request", param, f"request.{param}")
    assert f"`{param}`" in error.value.message


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(("model", "messages", "stream", "n", "max_tokens", "max_completion_tokens", "n_cmpl", "x"))


@many
@given(st.dictionaries(fields, json))
def test_any_object_is_asked_or_refused(body: dict[str, Any]) -> None:
    try:
        WIRE.asked({"model": "m", **body})
    except Refusal as error:
        assert error.kind == "invalid_request"


@pytest.mark.parametrize("name", CHAT)
def test_assembled_as_openais_library_does(name: str) -> None:
    async def final(client: openai.AsyncOpenAI) -> ChatCompletion:
        async with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream:
            await stream.until_done()
            return stream.current_completion_snapshot

    theirs = openai_reads(CHAT[name].stream, final).model_dump(exclude_none=True)
    ours = assembled(WIRE.assembler(), [CHAT[name].stream]).body
    assert ours is not None
    expected = ChatCompletion.model_validate(ours).model_dump(exclude_none=True)
    # The last chunk may tell no usage or fingerprint, and theirs then forgets both.
    for field in ("usage", "system_fingerprint", "obfuscation"):
        theirs.pop(field, None)
        expected.pop(field, None)
    for choice in theirs["choices"]:
        for call in choice["message"].get("tool_calls", []):
            call.pop("index")
            call["function"].pop("parsed_arguments", None)
    assert theirs == expected


def message(*chunks: dict[str, Any]) -> dict[str, Any]:
    found = assembled(WIRE.assembler(), [sse(chunks) + DONE]).body
    assert found is not None
    whole: dict[str, Any] = found["choices"][0]["message"]
    return whole


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # A server that says a call whole, without an index (Ollama, Gemini).
        (
            [
                {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
                {"tool_calls": [{"id": "b"}]},
            ],
            {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b"}]},
        ),
        # One that says id, type and name again with each piece.
        (
            [
                {
                    "tool_calls": [
                        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
                    ]
                },
                {
                    "tool_calls": [
                        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "}"}}
                    ]
                },
            ],
            {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        ),
        # One that leaves them empty after the first piece.
        (
            [
                {
                    "tool_calls": [
                        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
                    ]
                },
                {"tool_calls": [{"index": 0, "id": "", "type": "", "function": {"name": "", "arguments": "{}"}}]},
            ],
            {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        ),
        # A name in pieces, and two calls in one chunk, the later one first.
        (
            [
                {"tool_calls": [{"index": 1, "function": {"name": "g"}}, {"index": 0, "function": {"name": "get_"}}]},
                {"tool_calls": [{"index": 0, "function": {"name": "time"}}]},
            ],
            {"tool_calls": [{"function": {"name": "get_time"}}, {"function": {"name": "g"}}]},
        ),
        # A custom tool.
        (
            [
                {"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "sh", "input": "l"}}]},
                {"tool_calls": [{"index": 0, "custom": {"input": "s"}}]},
            ],
            {"tool_calls": [{"type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
        ),
        # OpenRouter's blobs.
        (
            [
                {"reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0, "format": "x"}]},
                {"reasoning_details": [{"type": "reasoning.text", "text": "b", "index": 0, "format": "x"}]},
            ],
            {"reasoning_details": [{"type": "reasoning.text", "text": "ab", "index": 0, "format": "x"}]},
        ),
        # Fields that nobody knows: texts and lists grow, other values are said anew.
        (
            [{"x": "a", "y": [1], "z": 1, "w": {"t": "b", "u": None}}, {"x": "b", "y": [2], "z": 2, "w": {"t": "c"}}],
            {"x": "ab", "y": [1, 2], "z": 2, "w": {"t": "bc", "u": None}},
        ),
        ([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], {"content": "ab"}),
        ([{"content": None}, {"content": "a"}, {"content": None}], {"content": "a"}),
        ([{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": "k"}}}}}}}}}}] * 2, None),
        ([], {}),
    ],
)
def test_deltas_of_other_servers(deltas: list[dict[str, Any]], expected: dict[str, Any] | None) -> None:
    found = message(chunk({}), *(chunk(delta) for delta in deltas))
    if expected is None:
        assert found["a"] == deltas[0]["a"]  # too deep to grow: said anew
    else:
        assert found == {"role": "assistant", "content": None, **expected}


def test_what_a_choice_and_a_chunk_have_beside_is_kept() -> None:
    first = chunk({"content": "a"}, prompt_filter_results=[1], timings={"n": 1})
    first["choices"][0] |= {"stop_reason": None, "token_ids": [1, 2], "content_filter_results": {"hate": 0}}
    second = chunk({"content": "b"}, created=9, id="other", timings={"n": 2})
    second["choices"][0] |= {"stop_reason": 7, "token_ids": [3]}
    found = assembled(WIRE.assembler(), [sse([first, second])]).body
    assert found is not None
    assert (found["id"], found["created"]) == ("chatcmpl-B9MB", 1741569952)
    assert (found["prompt_filter_results"], found["timings"]) == ([1], {"n": 2})
    choice = found["choices"][0]
    assert (choice["stop_reason"], choice["token_ids"]) == (7, [1, 2, 3])
    assert choice["content_filter_results"] == {"hate": 0}


def test_an_error_inside_of_a_stream() -> None:
    error = {"message": "out of memory", "type": "server_error", "code": 500}
    found = assembled(WIRE.assembler(), [sse([chunk({"content": "a"}), {"error": error}])])
    assert found.error == error and not found.complete and found.body is not None
    assert found.body["choices"][0]["message"]["content"] == "a"
    assert assembled(WIRE.assembler(), [sse([{"error": "oops"}])]).error == {"error": "oops"}


def test_nothing_came() -> None:
    found = assembled(WIRE.assembler(), [b": hello\n\n"])
    assert (found.body, found.usage, found.complete, found.error) == (None, {}, False, None)


@pytest.mark.parametrize(
    "choice", [{"message": []}, {"index": [], "delta": {"content": "a"}}, {"text": [], "delta": 3}]
)
def test_fields_of_another_shape_do_not_end_the_reading(choice: dict[str, object]) -> None:
    result = assembled(
        WIRE.assembler(), [sse([{"choices": [choice]}, {"choices": [{"index": 0, "delta": {"content": "b"}}]}])]
    )
    assert result.body is not None and "b" in result.body["choices"][0]["message"]["content"]
