"""Whatever conversations and bodies there are: blobs come back, others do not, and nothing else happens."""

import copy
from collections import Counter
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.blobs.sealer import Sealer
from stillhouse.types import Api
from tests.guard.blobs.playing import client_history, opened, ring

SEALER = Sealer(ring())
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
ACCOUNTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}", fullmatch=True)
TEXT = WORDS.map(lambda words: {"type": "text", "text": words})
RESULT = WORDS.map(lambda call: {"type": "tool_result", "tool_use_id": call, "content": "42"})
CLIENTS = WORDS | st.lists(TEXT | RESULT, min_size=1, max_size=4)
MODELS = st.lists(
    TEXT
    | WORDS.map(lambda words: {"type": "thinking", "thinking": "", "signature": words})
    | WORDS.map(lambda words: {"type": "redacted_thinking", "data": words}),
    min_size=1,
    max_size=4,
)
CONVERSATIONS = st.lists(st.tuples(CLIENTS, MODELS), min_size=1, max_size=5).map(
    lambda turns: [
        [message]
        for client, model in turns
        for message in ({"role": "user", "content": client}, {"role": "assistant", "content": model})
    ]
)


def has_blobs(messages: list[dict[str, Any]]) -> bool:
    return any(block["type"] in ("thinking", "redacted_thinking") for m in messages[1::2] for block in m["content"])


@settings(max_examples=60, deadline=None)
@given(CONVERSATIONS, ACCOUNTS, ACCOUNTS, st.data())
def test_any_conversation_comes_back_to_its_account_alone(
    turns: list[list[dict[str, Any]]], account: str, other: str, data: st.DataObject
) -> None:
    plain = [message for turn in turns for message in turn]
    history = client_history(SEALER, "messages", turns, account)
    assert opened(SEALER, "messages", {"messages": history}, account)["messages"] == plain
    # Cut at any of the client's turns it still comes back.
    cut = 2 * data.draw(st.integers(0, len(turns) // 2 - 1))
    assert opened(SEALER, "messages", {"messages": history[cut:]}, account)["messages"] == plain[cut:]
    if other != account and has_blobs(plain):
        try:
            SEALER.open_request("messages", {"messages": history}, other)
        except BlobRefusal as refusal:
            assert (refusal.rule, refusal.owner) == ("blob.other_account", account)
        else:
            raise AssertionError("taken from another account")


NAMES = st.sampled_from(
    [
        *("messages", "input", "output", "content", "choices", "message", "delta", "response", "item", "role", "type"),
        *("id", "item_id", "signature", "data", "encrypted_content", "previous_response_id", "conversation"),
        *("thinking_blocks", "reasoning_details", "tool_calls", "function", "extra_content", "google"),
        *("thought_signature", "thought_signatures", "provider_specific_fields", "content_block", "call_id", "text"),
    ]
)
VALUES = st.sampled_from(
    ["user", "assistant", "tool", "thinking", "redacted_thinking", "reasoning", "message", "", "x"]
)
BODIES = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | VALUES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
        max_leaves=25,
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(get_args(Api)), BODIES)
def test_no_body_does_anything_but_open_or_be_refused(api: Api, body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    try:
        changed = SEALER.open_request(api, body, "alice")
    except BlobRefusal as refusal:
        assert refusal.rule == "blob.not_ours" and refusal.owner is None
    else:
        assert changed == (body != before)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(get_args(Api)), BODIES, BODIES)
def test_any_answer_can_be_sealed(api: Api, request: dict[str, Any], answer: dict[str, Any]) -> None:
    edit = SEALER.answer_edit(api, request, "alice")
    if edit is None:
        return
    event = copy.deepcopy(answer)
    assert edit.edit_event(event) is event
    edit.edit_body(answer)


def test_a_long_history_is_read_once() -> None:
    """Not once for each blob: 2,000 turns would be four million blocks."""
    seen: Counter[str] = Counter()

    class Counted(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            seen[key] += 1
            return super().get(key, default)

    turns = [{"role": "user", "content": f"question {number}"} for number in range(2000)]
    answer = {"content": [{"type": "redacted_thinking", "data": "x"}]}
    edit = SEALER.answer_edit("messages", {"messages": turns[-1:]}, "alice")
    assert edit is not None
    edit.edit_body(answer)
    content = answer["content"]
    messages = [
        Counted(entry) for turn in turns for entry in (turn, {"role": "assistant", "content": copy.deepcopy(content)})
    ]
    allowing = Sealer(ring(), conversation="allow")
    assert allowing.open_request("messages", {"messages": messages}, "alice")
    assert max(seen.values()) <= 4 * len(messages)
