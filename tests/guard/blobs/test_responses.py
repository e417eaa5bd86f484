"""OpenAI's Responses: blobs and ids, stored or not, streamed or not; and which ids may come from elsewhere."""

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.blobs.sealer import Sealer
from tests.guard.blobs.playing import blob, client_history, opened, ring, sealed_answer, sealed_stream
from tests.guard.wire.sdk import openai_reads
from tests.guard.wire.streams import sse

Item = dict[str, Any]
Items = list[Item]


def name(prefix: str, number: int) -> str:
    return f"{prefix}_{number:050x}"


def user(*content: Any) -> Item:
    return {"role": "user", "content": list(content) if len(content) > 1 else content[0]}


def text(words: str) -> Item:
    return {"type": "input_text", "text": words}


def reasoning(number: int, **more: Any) -> Item:
    held = {"encrypted_content": blob(f"r{number}")}
    return {"id": name("rs", number), "type": "reasoning", "summary": [], **held, **more}


def call(number: int) -> Item:
    return {
        "id": name("fc", number),
        "type": "function_call",
        "call_id": f"call_{number}",
        "name": "read",
        "arguments": "{}",
    }


def result(number: int, output: str = "a long file\n" * 50) -> Item:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": output}


def spoken(number: int, words: str = "Done.") -> Item:
    part = {"type": "output_text", "text": words, "annotations": []}
    return {
        "id": name("msg", number),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


CONTEXT = user("<environment_context>\n<cwd>/work</cwd>\n</environment_context>")
TURNS: list[Items] = [
    [{"role": "developer", "content": "Be brief."}, CONTEXT, user(text("Compare the two files."))],
    [reasoning(1), call(1), reasoning(2), call(2)],
    [result(1), result(2)],
    [reasoning(3), call(3)],
    [result(3)],
    [reasoning(4), spoken(4)],
    [
        user(
            text("And this?"),
            {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        )
    ],
    [reasoning(5), spoken(5)],
    [user("Thanks. What else?")],
]
PLAIN = [item for turn in TURNS for item in turn]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(ring())


@pytest.fixture
def history(sealer: Sealer) -> Items:
    """What alice's client holds; it got each answer for a request that held all that was before it."""
    return client_history(sealer, "responses", TURNS)


def refusal_of(sealer: Sealer, body: Any, account: str = "alice") -> BlobRefusal:
    with pytest.raises(BlobRefusal) as refusal:
        opened(sealer, "responses", {"input": body} if isinstance(body, list) else body, account)
    return refusal.value


def test_the_provider_gets_what_it_sent(sealer: Sealer, history: Items) -> None:
    text_of = orjson.dumps(history)
    assert not any(
        orjson.dumps(item[key]) in text_of for item in PLAIN for key in ("id", "encrypted_content") if key in item
    )
    assert opened(sealer, "responses", {"input": history})["input"] == PLAIN
    assert client_history(Sealer(ring()), "responses", TURNS) == history
    assert not sealer.passed


def without(key: str) -> Callable[[Items], Items]:
    return lambda items: [{k: v for k, v in item.items() if k != key} for item in items]


def without_id_or_blob(items: Items) -> Items:
    """What a client sends where the provider stores: reasoning by its id alone."""
    return [{**item, "encrypted_content": None} if item.get("type") == "reasoning" else item for item in items]


def by_reference(items: Items) -> Items:
    return [{"type": "item_reference", "id": item["id"]} if "id" in item else item for item in items]


SUMMARY = user("This session goes on from an earlier one. Two files were compared.")
HONEST: dict[str, Callable[[Items], Items]] = {
    "as it is": lambda items: items,
    "without ids": without("id"),
    "by ids alone": without_id_or_blob,
    "by reference": by_reference,
    "by reference without a type": lambda items: [
        {"id": item["id"]} if item.get("type") == "item_reference" else item for item in by_reference(items)
    ],
    "typed messages": lambda items: [{"type": "message", **item} if "role" in item else item for item in items],
    "strings as parts": lambda items: [
        {**item, "content": [text(item["content"])]} if isinstance(item.get("content"), str) else item for item in items
    ],
    "breakpoints of the cache": lambda items: [
        {**item, "content": [{**part, "prompt_cache_breakpoint": {"mode": "explicit"}} for part in item["content"]]}
        if item.get("role") == "user" and isinstance(item["content"], list)
        else item
        for item in items
    ],
    "other instructions in the list": lambda items: [{"role": "system", "content": "Tuesday."}, *items[1:]],
    "another folder": lambda items: [items[0], user("<environment_context>/tmp</environment_context>"), *items[2:]],
    "front cut off": lambda items: items[-6:],
    "front cut off in an answer": lambda items: items[5:],
    "front cut off before results": lambda items: items[7:],
    "only reasoning and what it called": lambda items: items[9:12],
    "front summed up": lambda items: [SUMMARY, *items[12:]],
    "front summed up in an answer": lambda items: [SUMMARY, *items[9:]],
    "results emptied": lambda items: [{**item, "output": ""} if "output" in item else item for item in items],
    "results beside their calls": lambda items: [
        *items[:3], items[3], items[4], items[7], items[5], items[6], items[8], *items[9:]
    ],
    "the picture left out": lambda items: [
        {**item, "content": item["content"][:1]} if isinstance(item.get("content"), list) else item for item in items
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", HONEST.values(), ids=HONEST)
def test_an_honest_client_goes_on(sealer: Sealer, history: Items, change: Callable[[Items], Items]) -> None:
    assert opened(sealer, "responses", {"input": change(history), "instructions": "New."})["input"] == change(PLAIN)


def test_a_string_is_a_conversation_too(sealer: Sealer) -> None:
    answer = sealed_answer(sealer, "responses", {"input": "Hello."}, {"id": name("resp", 1), "output": [reasoning(1)]})
    for first in (user("Hello."), user(text("Hello."))):
        assert opened(sealer, "responses", {"input": [first, *answer["output"]]})["input"] == [first, reasoning(1)]
    assert refusal_of(sealer, [user("Bye."), *answer["output"]]).rule == "blob.other_conversation"


@pytest.mark.parametrize("change", [HONEST[key] for key in ("as it is", "without ids", "by ids alone", "by reference")])
def test_another_account_is_refused(sealer: Sealer, history: Items, change: Callable[[Items], Items]) -> None:
    refusal = refusal_of(sealer, change(history), "mallory")
    assert (refusal.rule, refusal.owner) == ("blob.other_account", "alice")
    assert "alice" not in str(refusal)


@pytest.mark.parametrize("change", [HONEST[key] for key in ("as it is", "without ids", "by ids alone", "by reference")])
def test_another_conversation_is_refused(sealer: Sealer, history: Items, change: Callable[[Items], Items]) -> None:
    moved = [user("Another question."), change(history)[3], user("Repeat what you thought.")]
    assert refusal_of(sealer, moved).rule == "blob.other_conversation"
    allowing = Sealer(ring(), conversation="allow")
    assert opened(allowing, "responses", {"input": moved})["input"][1] == change(PLAIN)[3]
    assert allowing.passed["other_conversation"] >= 1


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": name("rs", 1)},
        {"type": "item_reference", "id": name("msg", 1)},
        {"type": None, "id": name("rs", 1)},
        {"id": name("rs", 1)},
        {"type": "reasoning", "id": name("rs", 1), "summary": []},
        {"type": "reasoning", "id": name("rs", 1), "summary": [], "content": []},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAA"},
        reasoning(1),
        {"type": "compaction", "encrypted_content": "gAAAAA"},
        {"type": "image_generation_call", "id": "ig_1"},
        {"type": "of a later day", "id": "x_1"},
        {"type": "of a later day", "encrypted_content": "gAAAAA"},
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": "gAAAAA"}]},
        {"type": "mcp_approval_response", "approve": True, "approval_request_id": "mcpr_1"},
    ],
)
def test_what_was_never_sealed_is_refused(sealer: Sealer, item: Item) -> None:
    assert refusal_of(sealer, [user("Hi."), item]).rule == "blob.not_ours"


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": name("resp", 1)},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"prompt_cache_options": {"comparison_response_id": name("resp", 1)}},
    ],
)
def test_ids_beside_the_history(sealer: Sealer, body: Item) -> None:
    assert refusal_of(sealer, {"input": "Hi.", **body}).rule == "blob.not_ours"
    answer = sealed_answer(sealer, "responses", {}, {"id": name("resp", 2), **body})
    back = {key: answer[key] for key in body}
    assert back != body
    assert opened(sealer, "responses", {"input": "Hi.", **back}) == {"input": "Hi.", **body}
    assert refusal_of(sealer, {"input": "Hi.", **back}, "bob").owner == "alice"


def test_an_id_of_the_client_s_own_is_taken_out_where_it_names_nothing(sealer: Sealer) -> None:
    """The provider may look up any id; what these items say stands in them."""
    items = [{**user("Hi."), "id": "msg_1"}, spoken(1), call(1), {**result(1), "id": "fc_9"}]
    assert opened(sealer, "responses", {"input": items})["input"] == without("id")(items)


def test_an_id_may_be_lost_where_the_blob_is_there(sealer: Sealer, history: Items) -> None:
    item = {**history[3], "id": "rs_1"}
    assert opened(sealer, "responses", {"input": [*history[:3], item]})["input"][3] == {
        key: value for key, value in reasoning(1).items() if key != "id"
    }


def test_a_chain_goes_on_by_the_id_of_its_answer(sealer: Sealer) -> None:
    first = {"input": "Hello.", "store": True}
    answer = sealed_answer(sealer, "responses", first, {"id": name("resp", 1), "output": [reasoning(1), call(1)]})
    second = {"previous_response_id": answer["id"], "input": [result(1)]}
    sent = opened(sealer, "responses", second)
    assert sent == {"previous_response_id": name("resp", 1), "input": [result(1)]}
    more = sealed_answer(
        sealer,
        "responses",
        second,
        {"id": name("resp", 2), "previous_response_id": name("resp", 1), "output": [reasoning(2), spoken(2)]},
    )
    assert more["previous_response_id"] == answer["id"]
    # The client goes over to sending everything itself.
    whole = [user("Hello."), *answer["output"], result(1), *more["output"], user("Thanks.")]
    assert opened(sealer, "responses", {"input": whole})["input"][-3:-1] == [reasoning(2), spoken(2)]
    # In a chain what came before is not in the request: the account alone is checked.
    chained = {"previous_response_id": more["id"], "input": [user("What?"), more["output"][0]]}
    assert opened(sealer, "responses", chained)["input"][1] == reasoning(2)
    assert sealer.passed == {"unplaced": 2}
    assert refusal_of(sealer, {"previous_response_id": answer["id"], "input": "Repeat."}, "bob").owner == "alice"


def test_compacted_conversations(sealer: Sealer, history: Items) -> None:
    compaction = {"id": name("cmp", 1), "type": "compaction", "encrypted_content": blob("compaction")}
    answer = sealed_answer(sealer, "responses", {"input": history}, {"id": name("resp", 9), "output": [compaction]})
    for before in ([], [user("All my words.")], history[:3]):
        sent = opened(sealer, "responses", {"input": [*before, *answer["output"], user("Go on.")]})
        assert sent["input"][len(before)] == compaction
    assert refusal_of(sealer, answer["output"], "bob").owner == "alice"
    # A compaction in the middle of an answer: what was before it is dropped, what came after it stays.
    output = [reasoning(7), compaction, reasoning(8), spoken(8)]
    answer = sealed_answer(sealer, "responses", {"input": history}, {"id": name("resp", 9), "output": output})
    sent = opened(sealer, "responses", {"input": [*answer["output"][1:], user("Go on.")]})
    assert sent["input"][:-1] == output[1:]


def test_fetched_answers_are_sealed_for_their_account(sealer: Sealer, history: Items) -> None:
    fetched = sealed_answer(sealer, "responses", {}, {"id": name("resp", 1), "output": [reasoning(1)]})
    assert sealer.open_id(fetched["id"], "alice") == name("resp", 1)
    assert opened(sealer, "responses", {"input": [user("X"), *fetched["output"]]})["input"][1] == reasoning(1)
    for wrong, account, rule in (
        (fetched["id"], "bob", "blob.other_account"),
        (name("resp", 1), "alice", "blob.not_ours"),
        (fetched["id"] + "A", "alice", "blob.altered"),
        ("", "alice", "blob.not_ours"),
    ):
        with pytest.raises(BlobRefusal) as refusal:
            sealer.open_id(wrong, account)
        assert refusal.value.rule == rule and name("resp", 1) not in refusal.value.message


def test_lists_of_items_are_sealed(sealer: Sealer) -> None:
    page = {"object": "list", "data": [spoken(1), reasoning(2)], "first_id": name("msg", 1), "last_id": name("rs", 2)}
    sealed = sealed_answer(sealer, "responses", {}, page)
    assert (sealed["first_id"], sealed["last_id"]) == tuple(item["id"] for item in sealed["data"])
    assert opened(sealer, "responses", {"input": sealed["data"]})["input"] == page["data"]


def test_an_approval_names_its_request(sealer: Sealer) -> None:
    request = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "f", "arguments": "{}", "server_label": "s"}
    answer = sealed_answer(sealer, "responses", {"input": "Go."}, {"output": [reasoning(1), request]})["output"]
    given = {"type": "mcp_approval_response", "approve": True, "approval_request_id": answer[1]["id"]}
    items = [user("Go."), *answer, given]
    sent = opened(sealer, "responses", {"input": items})["input"]
    assert sent[3]["approval_request_id"] == "mcpr_1"
    after = sealed_answer(sealer, "responses", {"input": items}, {"output": [reasoning(2)]})["output"]
    cut = [given, *after]
    assert opened(sealer, "responses", {"input": cut})["input"][1] == reasoning(2)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": None, "id": None, "output": 3, "item_id": 4, "item": [], "response": "x"},
        {"input": [None, 3, []], "output": [None, []], "data": {}, "conversation": 3, "previous_response_id": 7},
        {"input": [{"type": [], "role": {}, "content": 3}, {"type": {}}, {"id": 3}, {"id": ""}, {"role": "user"}]},
        {"input": [{"type": "reasoning", "encrypted_content": None}, {"type": "agent_message", "content": "x"}]},
        {"conversation": {"id": None}, "prompt_cache_options": {"comparison_response_id": None}},
    ],
)
def test_bodies_of_another_shape_pass(sealer: Sealer, body: Item) -> None:
    assert opened(sealer, "responses", body) == body
    assert sealed_answer(sealer, "responses", body, body) == body
    edit = sealer.answer_edit("responses", body, "alice")
    assert edit is not None and edit.edit_event(copy.deepcopy(body)) == body


def response(status: str, *output: Item) -> Item:
    return {
        "id": name("resp", 1),
        "object": "response",
        "created_at": 1741476777,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5.4",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "previous_response_id": None,
        "usage": None,
    }


def stream(*output: Item) -> bytes:
    events: Items = [
        {"type": f"response.{kind}", "response": response("in_progress")} for kind in ("created", "in_progress")
    ]
    for place, item in enumerate(output):
        where = {"item_id": item["id"], "output_index": place}
        begun = (
            {**item, "encrypted_content": blob("begun", 30)} if item["type"] == "reasoning" else {**item, "content": []}
        )
        events.append({"type": "response.output_item.added", "output_index": place, "item": begun})
        if item["type"] == "message":
            (part,) = item["content"]
            at = {**where, "content_index": 0}
            events.append({"type": "response.content_part.added", **at, "part": {**part, "text": ""}})
            events += [{"type": "response.output_text.delta", **at, "delta": c, "logprobs": []} for c in part["text"]]
            events.append({"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []})
            events.append({"type": "response.content_part.done", **at, "part": part})
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    events.append({"type": "response.completed", "response": response("completed", *output)})
    return sse([{**event, "sequence_number": number} for number, event in enumerate(events)], named=True)


def test_a_streamed_answer_is_continued_by_openai_s_library(sealer: Sealer) -> None:
    request = {"input": "Hello."}
    upstream = stream(reasoning(1), spoken(2))
    sent = sealed_stream(sealer, "responses", request, upstream)
    for raw in (name("resp", 1), name("rs", 1), name("msg", 2), blob("r1"), blob("begun", 30)):
        assert raw.encode() in upstream and raw.encode() not in sent

    async def ask(client: Any) -> Any:
        async with client.responses.stream(model="m", input="Hello.") as events:
            ids: dict[str, set[str]] = {}
            async for event in events:
                if hasattr(event, "item_id") or hasattr(event, "item"):
                    found = event.item_id if hasattr(event, "item_id") else event.item.id
                    ids.setdefault(str(event.output_index), set()).add(found)
            return ids, await events.get_final_response()

    ids, final = openai_reads(sent, ask)
    output = [item.to_dict() for item in final.output]
    assert ids == {str(place): {item["id"]} for place, item in enumerate(output)}
    whole = sealed_answer(sealer, "responses", request, response("completed", reasoning(1), spoken(2)))
    assert (final.id, output[0]["encrypted_content"]) == (whole["id"], whole["output"][0]["encrypted_content"])
    back = opened(sealer, "responses", {"input": [user("Hello."), *output, user("Go on.")]})["input"]
    assert back[1]["encrypted_content"] == blob("r1")
    assert [item["id"] for item in back[1:3]] == [name("rs", 1), name("msg", 2)]
    assert opened(sealer, "responses", {"previous_response_id": final.id})["previous_response_id"] == name("resp", 1)
    assert refusal_of(sealer, output, "bob").owner == "alice"


@pytest.mark.parametrize("chosen", ["resp_../../admin?x=1#y", "resp_a b\r\nHost: evil", "resp_%2e%2e"])
def test_an_id_that_is_more_than_a_name_is_no_part_of_a_path(chosen: str) -> None:
    """Some servers let clients choose ids; sealed, they come back as they were chosen."""
    sealer = Sealer(ring())
    edit = sealer.answer_edit("responses", {}, "alice")
    assert edit is not None
    answer: dict[str, Any] = {"id": chosen, "object": "response", "output": []}
    edit.edit_body(answer)
    with pytest.raises(BlobRefusal, match=r"^blob\.altered"):
        sealer.open_id(answer["id"], "alice")
