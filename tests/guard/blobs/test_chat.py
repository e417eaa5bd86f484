"""Chat completions of servers that pass other providers' reasoning on."""

import copy
from typing import Any

import pytest

from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.blobs.sealer import Sealer
from tests.guard.blobs.playing import blob, client_history, opened, ring, sealed_answer, sealed_stream
from tests.guard.wire.sdk import openai_reads
from tests.guard.wire.streams import DONE, chunk, sse

Message = dict[str, Any]


def assistant(**more: Any) -> Message:
    return {"role": "assistant", "content": "Yes.", **more}


def call(**more: Any) -> Message:
    function = {"name": "f", "arguments": '{"signature": "the client\'s own"}'}
    return {"id": "call_1", "type": "function", "function": function, **more}


BLOCKS = [
    {"type": "thinking", "thinking": "I think.", "signature": blob("signature")},
    {"type": "redacted_thinking", "data": blob("redacted")},
]
DETAILS = [
    {"type": "reasoning.text", "text": "I think.", "signature": blob("text"), "id": "r1", "index": 0},
    {"type": "reasoning.text", "text": "I think.", "signature": None, "index": 1},
    {"type": "reasoning.encrypted", "data": blob("encrypted"), "id": "r2", "index": 2},
    {"type": "reasoning.summary", "summary": "Thought.", "data": "not opaque", "index": 3},
]
ANSWERS = {
    "LiteLLM": assistant(thinking_blocks=BLOCKS, provider_specific_fields={"thinking_blocks": BLOCKS}),
    "OpenRouter": assistant(reasoning_details=DETAILS),
    "Gemini's call": assistant(tool_calls=[call(extra_content={"google": {"thought_signature": blob("g")}}), call()]),
    "Gemini's answer": assistant(extra_content={"google": {"thought": True, "thought_signature": blob("g")}}),
    "LiteLLM's Gemini": assistant(
        provider_specific_fields={"thought_signatures": [blob("a"), None, blob("b")]},
        tool_calls=[call(provider_specific_fields={"thought_signature": blob("c")})],
    ),
}


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(ring())


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_its_own_account_goes_on_and_no_other(sealer: Sealer, answer: Message) -> None:
    turns: list[list[Message]] = [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}],
        [answer],
        [{"role": "tool", "tool_call_id": "call_1", "content": "42"}],
    ]
    history = client_history(sealer, "chat.completions", turns)
    plain = [message for turn in turns for message in turn]
    assert str(answer) not in str(history)
    assert opened(sealer, "chat.completions", {"messages": history})["messages"] == plain
    with pytest.raises(BlobRefusal) as refusal:
        opened(sealer, "chat.completions", {"messages": history}, "bob")
    assert (refusal.value.rule, refusal.value.owner) == ("blob.other_account", "alice")
    with pytest.raises(BlobRefusal) as refusal:
        opened(sealer, "chat.completions", {"messages": plain})
    assert refusal.value.rule == "blob.not_ours"
    moved = [{"role": "user", "content": "Other."}, history[2]]
    with pytest.raises(BlobRefusal) as refusal:
        opened(sealer, "chat.completions", {"messages": moved})
    assert refusal.value.rule == "blob.other_conversation"
    # After another turn the front is cut off: the result of the call is what it is known by.
    more = client_history(sealer, "chat.completions", [*turns, [answer]])
    assert opened(sealer, "chat.completions", {"messages": more[3:]})["messages"][1] == answer


@pytest.mark.parametrize("value", ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"])
def test_what_google_tells_clients_to_send_passes(sealer: Sealer, value: str) -> None:
    messages = [assistant(tool_calls=[call(extra_content={"google": {"thought_signature": value}})])]
    assert opened(sealer, "chat.completions", {"messages": messages})["messages"] == messages
    messages = [assistant(thinking_blocks=[{"type": "thinking", "signature": value}])]
    with pytest.raises(BlobRefusal):
        opened(sealer, "chat.completions", {"messages": messages})


def test_a_streamed_answer_is_sealed_chunk_by_chunk(sealer: Sealer) -> None:
    whole = blob("encrypted")
    pieces = [{"type": "reasoning.encrypted", "data": part, "index": 0} for part in (whole[:40], whole[40:])]
    request = {"messages": [{"role": "user", "content": "Hello."}]}
    upstream = (
        sse(
            [
                chunk({"role": "assistant", "content": ""}),
                *(chunk({"reasoning_details": [piece]}) for piece in pieces),
                chunk({"thinking_blocks": [BLOCKS[0]]}),
                chunk({"content": "Yes."}),
                chunk({}, finish="stop"),
            ]
        )
        + DONE
    )
    sent = sealed_stream(sealer, "chat.completions", request, upstream)

    async def ask(client: Any) -> Any:
        chunks = await client.chat.completions.create(model="m", messages=request["messages"], stream=True)
        return [one.choices[0].delta.model_dump() async for one in chunks]

    deltas = openai_reads(sent, ask)
    data = "".join(detail["data"] for delta in deltas for detail in delta.get("reasoning_details") or ())
    (block,) = [block for delta in deltas for block in delta.get("thinking_blocks") or ()]
    answer = assistant(reasoning_details=[{**pieces[0], "data": data}], thinking_blocks=[block])
    back = opened(sealer, "chat.completions", {"messages": [*request["messages"], answer]})["messages"][1]
    assert back == assistant(reasoning_details=[{**pieces[0], "data": whole}], thinking_blocks=[BLOCKS[0]])


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": [], "thinking_blocks": 3, "tool_calls": [None, {"function": 3}], "extra_content": []}]},
        {"messages": [assistant(provider_specific_fields=3, extra_content={"google": 3}, reasoning_details=[None])]},
        {"messages": [assistant(extra_content={"google": {}}), assistant(thought_signatures=[None, 3, ""])]},
        {"choices": [None, {"delta": 3}, {"message": None}, {"delta": {"tool_calls": {}}}]},
        {"choices": None},
    ],
)
def test_bodies_of_another_shape_pass(sealer: Sealer, body: Message) -> None:
    assert opened(sealer, "chat.completions", body) == body
    assert sealed_answer(sealer, "chat.completions", body, body) == body
    edit = sealer.answer_edit("chat.completions", body, "alice")
    assert edit is not None and edit.edit_event(copy.deepcopy(body)) == body


def test_other_apis_have_nothing_to_seal(sealer: Sealer) -> None:
    for api in ("completions", "embeddings", None):
        assert sealer.open_request(api, {"input": "x", "previous_response_id": "y"}, "alice") is False
        assert sealer.answer_edit(api, {}, "alice") is None
