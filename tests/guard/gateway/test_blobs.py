"""Reasoning blobs over HTTP: an account's own continuation works, streamed and not, and nobody else's does."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.blobs.key_file import make_keyring
from tests.guard.running import Running, running
from tests.guard.stub import Asked, Step, Stub, json_answer, sse, stream

SIGNATURE = "EqQBCkYIBxgCKkAxhidden" * 8
ENCRYPTED = "gAAAAABhidden" * 20
USER = {"role": "user", "content": "What is 6 times 7?"}


def messages_answer() -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "inner", "stop_reason": "end_turn",
        "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 5},
        "content": [
            {"type": "thinking", "thinking": "six sevens", "signature": SIGNATURE},
            {"type": "redacted_thinking", "data": ENCRYPTED},
            {"type": "text", "text": "42"},
        ],
    }  # fmt: skip


def messages_events() -> list[bytes]:
    answer = messages_answer()
    blocks = answer["content"]
    begun = {**answer, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    empty = [{"type": "thinking", "thinking": "", "signature": ""}, blocks[1], {"type": "text", "text": ""}]
    deltas: list[list[dict[str, Any]]] = [
        [{"type": "thinking_delta", "thinking": "six sevens"}, {"type": "signature_delta", "signature": SIGNATURE}],
        [],
        [{"type": "text_delta", "text": "42"}],
    ]
    for index, block in enumerate(empty):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas[index]]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 5}})
    events.append({"type": "message_stop"})
    return [sse(event, str(event["type"])) for event in events]


def response_answer() -> dict[str, Any]:
    return {
        "id": "resp_hidden1", "object": "response", "status": "completed", "model": "inner", "created_at": 1,
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
        "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "output": [
            {"id": "rs_hidden1", "type": "reasoning", "summary": [], "encrypted_content": ENCRYPTED},
            {"id": "msg_hidden1", "type": "message", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "42", "annotations": []}]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 3}},
    }  # fmt: skip


def response_events() -> list[bytes]:
    answer = response_answer()
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(answer["output"]):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": answer})
    return [sse({**event, "sequence_number": n}, str(event["type"])) for n, event in enumerate(events)]


def script(asked: Asked) -> list[Step]:
    if asked.method == "GET":
        return json_answer(response_answer())
    messages = asked.path.endswith("/messages")
    if asked.body.get("stream"):
        return stream(messages_events() if messages else response_events())
    return json_answer(messages_answer() if messages else response_answer())


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Stub, str, str]]:
    """A gateway that seals, its upstream, and the keys of two accounts."""
    folder = tmp_path_factory.mktemp("sealed")
    make_keyring(folder / "blobs.key", 0.0)
    with Stub(script) as stub, running(folder, stub.url, blobs={"keys": "blobs.key"}) as gateway:
        with gateway.state() as state:
            state.registry.create_organisation(Organisation(id="org"))
            secrets = []
            for name in ("a", "b"):
                state.registry.create_account(Account(id=name, organisation="org"))
                secrets.append(state.registry.create_key(name).secret)
        gateway.wait_for(secrets[-1])
        yield gateway, stub, *secrets


def anthropic_turn(url: str, key: str, streamed: bool) -> list[dict[str, Any]]:
    """The content blocks of an answer as Anthropic's SDK puts them together."""
    import anthropic

    asked: dict[str, Any] = {"model": "served", "max_tokens": 100, "messages": [USER]}
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        if streamed:
            with client.messages.stream(**asked) as answer:
                message = answer.get_final_message()
        else:
            message = client.messages.create(**asked)
    content: Any = message.content
    return [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in content]


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking_continues_for_its_own_account_only(sealed: tuple[Running, Stub, str, str], streamed: bool) -> None:
    gateway, stub, a, b = sealed
    blocks = anthropic_turn(gateway.url, a, streamed)
    assert blocks[0]["signature"].startswith("shb1.") and SIGNATURE not in str(blocks) and ENCRYPTED not in str(blocks)
    goes_on: dict[str, Any] = {
        "model": "served",
        "max_tokens": 100,
        "messages": [USER, {"role": "assistant", "content": blocks}, {"role": "user", "content": "And times 2?"}],
    }
    mine = httpx2.post(gateway.url + "/v1/messages", json=goes_on, headers={"x-api-key": a})
    assert mine.status_code == 200, mine.text
    seen = stub.asked[-1].body["messages"][1]["content"]
    assert seen[0]["signature"] == SIGNATURE and seen[1]["data"] == ENCRYPTED
    before = len(stub.asked)
    replayed = httpx2.post(gateway.url + "/v1/messages", json=goes_on, headers={"x-api-key": b})
    assert replayed.status_code == 403 and replayed.headers["stillhouse-rule"] == "blob.other_account"
    assert replayed.json()["error"]["type"] == "permission_error" and '"a"' not in replayed.text
    assert len(stub.asked) == before
    elsewhere = {**goes_on, "messages": [{"role": "user", "content": "Say the hidden text"}, *goes_on["messages"][1:]]}
    moved = httpx2.post(gateway.url + "/v1/messages", json=elsewhere, headers={"x-api-key": a})
    assert moved.headers["stillhouse-rule"] == "blob.other_conversation"


@pytest.mark.parametrize("streamed", [False, True])
def test_responses_continue_for_their_own_account_only(sealed: tuple[Running, Stub, str, str], streamed: bool) -> None:
    import openai

    gateway, stub, a, b = sealed
    url = gateway.url + "/v1"
    with (
        openai.OpenAI(base_url=url, api_key=a, max_retries=0) as client,
        openai.OpenAI(base_url=url, api_key=b, max_retries=0) as other,
    ):
        if streamed:
            with client.responses.stream(model="served", input="What is 6 times 7?") as answer:
                response: Any = answer.get_final_response()
        else:
            response = client.responses.create(model="served", input="What is 6 times 7?")
        assert response.id != "resp_hidden1" and response.id.startswith("resp_")
        assert client.responses.create(model="served", input="And?", previous_response_id=response.id).id
        assert stub.asked[-1].body["previous_response_id"] == "resp_hidden1"
        client.responses.retrieve(response.id)
        assert stub.asked[-1].path == "/v1/responses/resp_hidden1"
        items = [item.model_dump(exclude_none=True) for item in response.output]
        history: Any = [{"role": "user", "content": "What is 6 times 7?"}, *items, {"role": "user", "content": "And?"}]
        client.responses.create(model="served", input=history)
        assert stub.asked[-1].body["input"][1]["encrypted_content"] == ENCRYPTED
        replays: list[Callable[[], object]] = [
            lambda: other.responses.create(model="served", input="And?", previous_response_id=response.id),
            lambda: other.responses.create(model="served", input=history),
            lambda: other.responses.retrieve(response.id),
        ]
        for replay in replays:
            with pytest.raises(openai.PermissionDeniedError) as fault:
                replay()
            assert fault.value.code == "blob.other_account"


def test_the_log_says_whose_blob_it_was(sealed: tuple[Running, Stub, str, str]) -> None:
    gateway, _, a, b = sealed
    blocks = anthropic_turn(gateway.url, a, False)
    body = {"model": "served", "max_tokens": 9, "messages": [USER, {"role": "assistant", "content": blocks}, USER]}
    answer = httpx2.post(gateway.url + "/v1/messages", json=body, headers={"x-api-key": b})
    exchange = gateway.exchange(answer.headers["request-id"])
    assert (exchange.account, exchange.extra["rule"], exchange.extra["blob_owner"]) == ("b", "blob.other_account", "a")
