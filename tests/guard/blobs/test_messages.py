"""Anthropic's Messages: honest clients go on whatever they do to their history; nobody goes on with another's."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.blobs.sealer import Sealer
from tests.guard.blobs.playing import blob, client_history, opened, ring, sealed_answer, sealed_stream
from tests.guard.wire.sdk import anthropic_reads
from tests.guard.wire.streams import sse

Message = dict[str, Any]
History = list[Message]


def text(words: str) -> Message:
    return {"type": "text", "text": words}


def user(*content: Any) -> History:
    return [
        {"role": "user", "content": list(content) if len(content) > 1 or isinstance(content[0], dict) else content[0]}
    ]


def assistant(*content: Message) -> History:
    return [{"role": "assistant", "content": list(content)}]


def thinking(name: str) -> Message:
    return {"type": "thinking", "thinking": f"I think {name}.", "signature": blob(name)}


def tool(call: str) -> Message:
    return {"type": "tool_use", "id": call, "name": "read", "input": {"signature": "the client's own", "data": "x"}}


def result(call: str, content: str = "a long file\n" * 50) -> Message:
    return {"type": "tool_result", "tool_use_id": call, "content": content}


REMINDER = text("<system-reminder>\nToday is Monday.\n</system-reminder>")
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
TURNS: list[History] = [
    user(REMINDER, text("Compare the two files.")),
    assistant(thinking("first"), text("Let me see."), tool("toolu_1")),
    user(result("toolu_1")),
    assistant(thinking("second"), tool("toolu_2"), thinking("between"), tool("toolu_3")),
    user(result("toolu_2"), result("toolu_3"), REMINDER),
    assistant({"type": "redacted_thinking", "data": blob("redacted")}, text("They are the same.")),
    user(IMAGE, text("And this picture?")),
    assistant(thinking("third"), text("A cat.")),
    user("Thanks. What else?"),
]
PLAIN = [message for turn in TURNS for message in turn]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(ring())


@pytest.fixture
def history(sealer: Sealer) -> History:
    """What alice's client holds."""
    return client_history(sealer, "messages", TURNS)


def blobs(messages: History) -> list[str]:
    return [
        block.get("signature") or block["data"]
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] in ("thinking", "redacted_thinking")
    ]


def refusal_of(sealer: Sealer, messages: History, account: str = "alice") -> BlobRefusal:
    with pytest.raises(BlobRefusal) as refusal:
        opened(sealer, "messages", {"messages": messages}, account)
    return refusal.value


def test_the_provider_gets_what_it_sent(sealer: Sealer, history: History) -> None:
    assert not {*blobs(history)} & {*blobs(PLAIN)}
    assert opened(sealer, "messages", {"messages": history})["messages"] == PLAIN
    assert not sealer.passed


def test_the_same_conversation_is_the_same_text(sealer: Sealer, history: History) -> None:
    assert client_history(sealer, "messages", TURNS) == history
    assert client_history(Sealer(ring()), "messages", TURNS) == history
    assert client_history(sealer, "messages", TURNS, "bob") != history


def changed_texts(messages: History, change: Callable[[str], str]) -> History:
    def in_block(block: Message) -> Message:
        return {**block, "text": change(block["text"])} if block["type"] == "text" else block

    return [
        message
        if message["role"] == "assistant"
        else {**message, "content": change(content)}
        if isinstance(content := message["content"], str)
        else {**message, "content": [in_block(block) for block in content]}
        for message in messages
    ]


def cleared(messages: History, last: int = 6) -> History:
    """Old results of tools emptied, as clients and context editing do it."""
    return [
        {**message, "content": [{**b, "content": "[cleared]"} if b["type"] == "tool_result" else b for b in content]}
        if index < last and isinstance(content := message["content"], list)
        else message
        for index, message in enumerate(messages)
    ]


def as_blocks(messages: History) -> History:
    return [m if isinstance(m["content"], list) else {**m, "content": [text(m["content"])]} for m in messages]


def with_cache_marks(messages: History) -> History:
    mark = {"cache_control": {"type": "ephemeral"}}
    return [{**m, "content": [*m["content"][:-1], m["content"][-1] | mark]} for m in as_blocks(messages)]


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(entry) for entry in value] if isinstance(value, list) else value


def without_reminders(messages: History) -> History:
    return [
        {**m, "content": [b for b in m["content"] if b != REMINDER]} if isinstance(m["content"], list) else m
        for m in messages
    ]


def merged(messages: History) -> History:
    """One message for two of the model that follow one another, as if the second had gone on from the first."""
    joined: History = []
    for message in as_blocks(messages):
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = {**message, "content": joined[-1]["content"] + message["content"]}
        else:
            joined.append(message)
    return joined


SUMMARY = {"role": "user", "content": "This session goes on from an earlier one. Two files were compared."}
HONEST: dict[str, Callable[[History], History]] = {
    "as it is": lambda messages: messages,
    "strings as blocks": as_blocks,
    "marks of the prompt cache": with_cache_marks,
    "keys in another order": reordered,
    "front cut off behind a turn": lambda messages: messages[2:],
    "front cut off behind two turns": lambda messages: messages[4:],
    "front cut off in the middle of a turn": lambda messages: messages[1:],
    "only the last answer kept": lambda messages: messages[-3:],
    "only the last answer, nothing before it": lambda messages: messages[-2:],
    "front summed up": lambda messages: [SUMMARY, *messages[5:]],
    "front summed up in front of a turn": lambda messages: [SUMMARY, *messages[2:]],
    "the middle summed up": lambda messages: [messages[0], SUMMARY, *messages[3:]],
    "old results cleared": cleared,
    "all results cleared": lambda messages: cleared(messages, 99),
    "front cut off, results cleared": lambda messages: cleared(messages[2:], 99),
    "another day": lambda messages: changed_texts(messages, lambda words: words.replace("Monday", "Tuesday")),
    "reminders left out": without_reminders,
    "reminders put in": lambda messages: [
        {**m, "content": [*m["content"], text("<system-reminder>Be brief.</system-reminder>")]}
        if m["role"] == "user"
        else m
        for m in as_blocks(messages)
    ],
    "white space cut": lambda messages: changed_texts(messages, lambda words: f"\n{words} "),
    "the picture left out": lambda messages: [
        {**m, "content": [b for b in m["content"] if b != IMAGE]} if isinstance(m["content"], list) else m
        for m in messages
    ],
    "a turn of the client's divided": lambda messages: [
        part
        for m in as_blocks(messages)
        for part in ([{**m, "content": [b]} for b in m["content"]] if m["role"] == "user" else [m])
    ],
    "old thinking left out": lambda messages: [
        {**m, "content": [b for b in m["content"] if b.get("thinking") != "I think first."]}
        if isinstance(m["content"], list)
        else m
        for m in messages
    ],
    "an answer put in": lambda messages: [*messages[:2], messages[2], *assistant(text("(skipped)")), *messages[3:]],
    "a system message in between": lambda messages: [
        *messages[:6],
        {"role": "system", "content": "New."},
        *messages[6:],
    ],
}


@pytest.mark.parametrize("change", HONEST.values(), ids=HONEST)
def test_an_honest_client_goes_on(sealer: Sealer, history: History, change: Callable[[History], History]) -> None:
    sent = opened(sealer, "messages", {"messages": change(history), "system": "Another day."})
    assert sent["messages"] == change(PLAIN)
    assert {*blobs(sent["messages"])} <= {*blobs(PLAIN)}


def test_what_is_cut_off_before_an_answer_is_counted(sealer: Sealer, history: History) -> None:
    opened(sealer, "messages", {"messages": history[1:2]})
    assert sealer.passed == {"unplaced": 1}


def test_an_answer_that_goes_on_from_a_beginning_is_known_again(sealer: Sealer) -> None:
    """A turn that paused: the client sends its first half back and later makes one message of both."""
    halves = [assistant(thinking("first"), tool("srv_1")), assistant(thinking("second"), text("Done."))]
    history = client_history(sealer, "messages", [user("Search."), halves[0], [], halves[1], user("More.")])
    assert opened(sealer, "messages", {"messages": merged(history)})["messages"] == merged(
        [*user("Search."), *halves[0], *halves[1], *user("More.")]
    )


def test_another_account_is_refused_and_its_owner_told_to_us_alone(sealer: Sealer, history: History) -> None:
    for messages in (history, history[:3], [*user("Repeat what you thought."), history[1], *user("Go.")]):
        refusal = refusal_of(sealer, messages, "mallory")
        assert (refusal.rule, refusal.kind, refusal.owner) == ("blob.other_account", "permission", "alice")
        assert "alice" not in str(refusal) and "alice" not in refusal.message
    assert refusal.param == "messages.1.signature"


@pytest.mark.parametrize(
    "place",
    [
        lambda answer: [*user("Another question."), answer, *user("Repeat what you thought.")],
        lambda answer: [*user("Hello."), *assistant(text("Hello.")), *user(result("toolu_9")), answer],
        lambda answer: [*user(REMINDER, text("Another question.")), answer],
        lambda answer: [*user("Another question."), answer, *user(text("Compare the two files."))],
        lambda answer: [*user(text("Compare the two files!")), answer],
    ],
)
def test_another_conversation_is_refused(sealer: Sealer, history: History, place: Callable[[Message], History]) -> None:
    assert refusal_of(sealer, place(history[1])).rule == "blob.other_conversation"
    allowing = Sealer(ring(), conversation="allow")
    assert blobs(opened(allowing, "messages", {"messages": place(history[1])})["messages"]) == [blob("first")]
    assert allowing.passed == {"other_conversation": 1}


def test_what_was_never_sealed_is_refused(sealer: Sealer) -> None:
    assert refusal_of(sealer, PLAIN).rule == "blob.not_ours"
    assert (
        refusal_of(sealer, [*user("Hi."), *assistant({"type": "redacted_thinking", "data": "x"})]).rule
        == "blob.not_ours"
    )
    assert refusal_of(sealer, [{"role": "user", "content": [thinking("a")]}]).rule == "blob.not_ours"


def test_a_summary_of_an_only_answer_s_question_leaves_nothing_to_know_it_by(sealer: Sealer, history: History) -> None:
    """The one change of an honest client that is not told from another conversation: docs/guard_blobs.md."""
    assert refusal_of(sealer, [SUMMARY, *history[1:3]]).rule == "blob.other_conversation"


def test_answers_vouch_for_one_another_only_within_a_conversation(sealer: Sealer, history: History) -> None:
    mine = client_history(sealer, "messages", [user("Mine."), assistant(thinking("mine"), text("Yes."))])
    assert refusal_of(sealer, [*mine, history[1], *user("Repeat.")]).param == "messages.2.signature"
    assert refusal_of(sealer, [history[1], *mine, history[3]]).param == "messages.3.signature"


def test_altered_and_swapped_blobs_are_refused(sealer: Sealer, history: History) -> None:
    signature = history[1]["content"][0]["signature"]
    for wrong in (signature[:-1], signature + "A", signature.swapcase(), signature[:30] + "A" + signature[31:]):
        messages = copy.deepcopy(history)
        messages[1]["content"][0]["signature"] = wrong
        assert refusal_of(sealer, messages).rule in ("blob.altered", "blob.not_ours")
    redacted = [*user("Compare the two files."), *assistant({"type": "redacted_thinking", "data": signature})]
    assert refusal_of(sealer, redacted).rule == "blob.altered"


def test_keys_are_exchanged_under_a_conversation(sealer: Sealer, history: History) -> None:
    assert opened(Sealer(ring(1, 2)), "messages", {"messages": history})["messages"] == PLAIN
    assert refusal_of(Sealer(ring(2)), history).rule == "blob.unknown_key"


def test_other_opaque_blocks(sealer: Sealer) -> None:
    advice: Message = {"type": "advisor_redacted_result", "encrypted_content": "adv"}
    page: Message = {"type": "web_search_result", "encrypted_content": "page"}
    content: History = [
        {"type": "compaction", "content": "Summary.", "encrypted_content": "enc", "signature": "sig"},
        {"type": "advisor_tool_result", "tool_use_id": "s", "content": advice},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [page]},
        {"type": "advisor_tool_result", "tool_use_id": "s", "content": {"type": "advisor_result", "text": "plain"}},
    ]
    history = client_history(sealer, "messages", [user("Long talk."), assistant(*content), user("Go on.")])
    sealed = history[1]["content"]
    assert sealed[2:] == content[2:]
    assert sealed[0]["content"] == "Summary."
    for changed in (history, history[1:], [*user("Other."), *history[1:]]):
        if changed[0]["content"] == "Other.":
            changed = [changed[0], {**changed[1], "content": sealed[:1]}, changed[2]]
        sent = opened(sealer, "messages", {"messages": changed})
        assert sent["messages"][-2]["content"][0] == content[0]
    assert refusal_of(sealer, history, "bob").owner == "alice"


def test_nothing_to_open(sealer: Sealer) -> None:
    plain = [message for message in PLAIN if message["role"] == "user"]
    assert opened(sealer, "messages", {"messages": plain})["messages"] == plain
    unsigned = assistant({"type": "thinking", "thinking": "Cut off.", "signature": ""}, {"type": "thinking"})
    assert opened(sealer, "messages", {"messages": unsigned})["messages"] == unsigned


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": "x"},
        {"messages": [None, 3, "x", []]},
        {"messages": [{"role": [], "content": {}}, *assistant({"type": {}}, {"type": []})]},
        {"messages": assistant({"type": "thinking", "signature": 3}, {"type": "redacted_thinking"})},
        {"content": 3, "message": [], "delta": "x", "content_block": None},
    ],
)
def test_bodies_of_another_shape_pass(sealer: Sealer, body: dict[str, Any]) -> None:
    assert opened(sealer, "messages", body) == body
    assert sealed_answer(sealer, "messages", body, body) == body
    edit = sealer.answer_edit("messages", body, "alice")
    assert edit is not None and edit.edit_event(copy.deepcopy(body)) == body


def stream(*blocks: list[Message]) -> bytes:
    """One answer; each block is its start and its deltas."""
    message: Message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    events: list[Message] = [{"type": "message_start", "message": message}]
    for index, (start, *deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events += [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return sse(events, named=True)


def test_a_streamed_answer_is_continued_by_anthropic_s_library(sealer: Sealer) -> None:
    upstream = stream(
        [
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "I think."},
            {"type": "signature_delta", "signature": blob("first")},
        ],
        [{"type": "redacted_thinking", "data": blob("redacted")}],
        [{"type": "text", "text": ""}, {"type": "text_delta", "text": "My signature is here."}],
    )
    asked = user("Hello.")
    sent = sealed_stream(sealer, "messages", {"messages": asked}, upstream)

    async def ask(client: Any) -> Any:
        async with client.messages.stream(model="m", max_tokens=9, messages=asked) as answer:
            return await answer.get_final_message()

    content = [block.to_dict() for block in anthropic_reads(sent, ask).content]
    assert blob("first") not in str(content) and blob("redacted") not in str(content)
    again = [*asked, {"role": "assistant", "content": content}, *user("Go on.")]
    back = opened(sealer, "messages", {"messages": again})["messages"][1]["content"]
    assert back[:2] == [
        {"type": "thinking", "thinking": "I think.", "signature": blob("first")},
        {"type": "redacted_thinking", "data": blob("redacted")},
    ]
    assert back[2]["text"] == "My signature is here."
    assert refusal_of(sealer, again, "bob").owner == "alice"


def test_a_stream_and_a_body_hand_out_the_same_text(sealer: Sealer) -> None:
    asked = {"messages": user("Hello.")}
    body = sealed_answer(sealer, "messages", asked, {"content": [thinking("first")]})
    upstream = stream([thinking("x") | {"signature": ""}, {"type": "signature_delta", "signature": blob("first")}])
    streamed = sealed_stream(sealer, "messages", asked, upstream)
    assert body["content"][0]["signature"].encode() in streamed


def test_a_signature_in_pieces_opens_as_a_whole(sealer: Sealer) -> None:
    """Anthropic's library keeps the last piece only, as it does without a gateway; clients that add them up go on."""
    whole = blob("first")
    asked = {"messages": user("Hello.")}
    edit = sealer.answer_edit("messages", asked, "alice")
    assert edit is not None
    pieces = []
    for piece in (whole[:50], whole[50:51], whole[51:]):
        event = edit.edit_event(
            {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": piece}}
        )
        assert event is not None
        pieces.append(event["delta"]["signature"])
    history = [*user("Hello."), *assistant(thinking("x") | {"signature": "".join(pieces)})]
    assert blobs(opened(sealer, "messages", {"messages": history})["messages"]) == [whole]
    assert refusal_of(sealer, history, "bob").owner == "alice"
    mixed = sealed_answer(sealer, "messages", asked, {"content": [thinking("b")]}, "bob")["content"][0]["signature"]
    history[1]["content"][0]["signature"] = pieces[0] + mixed
    assert refusal_of(sealer, history).owner == "bob"


def test_events_without_blobs_go_out_as_they_came(sealer: Sealer) -> None:
    upstream = stream([{"type": "text", "text": ""}, {"type": "text_delta", "text": "signature, redacted"}])
    assert sealed_stream(sealer, "messages", {"messages": user("Hi.")}, upstream) == upstream
