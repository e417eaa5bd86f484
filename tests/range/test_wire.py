"""The bodies of each API, by hand."""

from typing import Any

import pytest

from stillhouse.range.cast import Account, Answer, Ask
from stillhouse.range.wire import answered, called, opening_of, request_of, response_of, returned, said
from stillhouse.types import Api, Exchange


def ask(api: Api, *messages: Any, answer: Answer | None = None, system: str = "", status: int = 200) -> Ask:
    account = Account("acct_1", api, {})
    return Ask(0, account, {}, system, messages, answer or answered("Fine."), {"temperature": 0.5}, status=status)


TURNS = (said("One?"), {"role": "assistant", "content": "Yes."}, said("Two?"))
BODIES: dict[Api, dict[str, Any]] = {
    "chat.completions": {"messages": [{"role": "system", "content": "Be brief."}, *TURNS]},
    "messages": {"messages": list(TURNS), "system": "Be brief."},
    "responses": {"input": list(TURNS), "instructions": "Be brief."},
    "completions": {"prompt": "Two?"},
}


@pytest.mark.parametrize("api", BODIES)
def test_a_request_has_the_form_of_its_api(api: Api) -> None:
    body = request_of(ask(api, *TURNS, system="Be brief."), "m")
    assert body == {"model": "m", **BODIES[api], "temperature": 0.5}


@pytest.mark.parametrize("api", ["chat.completions", "messages", "responses"])
def test_without_a_system_text_there_is_none(api: Api) -> None:
    body = request_of(ask(api, said("Hi")), "m")
    assert set(body) == {"model", "temperature", "input" if api == "responses" else "messages"}


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat.completions", {"choices": [{"index": 0, "message": TURNS[1], "finish_reason": "stop"}]}),
        ("completions", {"choices": [{"index": 0, "text": "Yes.", "finish_reason": "stop"}]}),
        (
            "messages",
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "Yes."}],
                "stop_reason": "end_turn",
            },
        ),
        (
            "responses",
            {
                "status": "completed",
                "output": [
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}
                ],
            },
        ),
    ],
)
def test_an_answer_has_the_form_of_its_api(api: Api, body: dict[str, Any]) -> None:
    assert response_of(ask(api, said("One?"), answer=answered("Yes."))) == body


def test_a_refused_request_has_no_answer() -> None:
    assert response_of(ask("messages", said("Hi"), status=429)) is None


def test_calls_of_tools_have_the_form_of_their_api() -> None:
    chat = called("chat.completions", "call_1", "search", '{"q": "x"}', {"q": "x"})
    assert chat.message["tool_calls"][0]["function"] == {"name": "search", "arguments": '{"q": "x"}'}
    body = response_of(ask("chat.completions", said("Hi"), answer=chat))
    assert body is not None and body["choices"][0]["finish_reason"] == "tool_calls"
    assert returned("chat.completions", "call_1", "y") == {"role": "tool", "tool_call_id": "call_1", "content": "y"}
    block = called("messages", "call_1", "search", '{"q": "x"}', {"q": "x"}).message["content"][0]
    assert block == {"type": "tool_use", "id": "call_1", "name": "search", "input": {"q": "x"}}
    assert returned("messages", "call_1", "y")["content"][0]["tool_use_id"] == "call_1"


def test_an_opening_is_a_request_with_one_turn() -> None:
    def exchange(api: Api, **body: Any) -> Exchange:
        return Exchange(id="e", time="t", account="a", model="m", api=api, request=body)

    system = {"role": "system", "content": "s"}
    assert opening_of(exchange("chat.completions", messages=[system, said("Hi")])) == "Hi"
    assert opening_of(exchange("responses", input=[said("Hi")])) == "Hi"
    assert opening_of(exchange("messages", messages=list(TURNS))) is None
    assert opening_of(exchange("completions", prompt="Hi")) is None
