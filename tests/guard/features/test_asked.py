"""What is read of every API's requests, and that no request is too odd to be read."""

from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillhouse.guard.features.asked import Asked, asked
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.log.scaffold import scaffold
from stillhouse.types import Api
from tests.guard.features.exchanges import exchange, said
from tests.guard.log.bodies import BODIES

FUNCTION = {"type": "function", "function": {"name": "weather", "parameters": {}}}
APIS: tuple[Api, ...] = get_args(Api)
PRIVACY = Privacy("scaffold", b"a secret of at least sixteen bytes")


def hashed(text: str) -> str:
    return scaffold(text, PRIVACY._scaffold_key)


# Every API


def test_a_chat() -> None:
    body = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Use metres."},
            {"role": "user", "content": "How high is it?"},
            {"role": "assistant", "content": "What?"},
            {"role": "user", "content": "The tower."},
        ],
        "tools": [FUNCTION, {"type": "web_search"}],
    }
    assert asked(exchange(body)) == Asked(
        system="Be brief.\nUse metres.",
        newest="The tower.",
        turns=2,
        answered=True,
        tools=("weather", "web_search"),
        scaffolds=(),
    )


def test_a_tool_s_result_is_the_newest_turn_of_a_chat() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    body = {
        "messages": [
            {"role": "user", "content": "Does it rain?"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c", "content": "rain"},
        ]
    }
    found = asked(exchange(body))
    assert (found.newest, found.turns, found.answered) == ("rain", 2, True)


def test_parts_of_a_turn_are_lines() -> None:
    content = [
        {"type": "text", "text": "What is on it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "Be exact."},
    ]
    found = asked(said(content))
    assert (found.newest, found.turns, found.answered, found.system) == ("What is on it?\nBe exact.", 1, False, "")


def test_responses_of_a_string() -> None:
    found = asked(exchange({"instructions": "Be kind.", "input": "Hello there."}, "responses"))
    assert (found.system, found.newest, found.turns, found.answered) == ("Be kind.", "Hello there.", 1, False)


def test_responses_of_items() -> None:
    """A call is the model's own, its output is news; an item of another kind is the model's own too."""
    body = {
        "instructions": "Be kind.",
        "input": [
            {"role": "developer", "content": [{"type": "input_text", "text": "Use tools."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Does it rain?"}]},
            {"type": "reasoning", "encrypted_content": "gAAA", "summary": []},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "it rains"},
        ],
        "tools": [{"type": "function", "name": "weather"}, {"type": "custom", "name": "grep"}],
    }
    assert asked(exchange(body, "responses")) == Asked(
        system="Be kind.\nUse tools.",
        newest="it rains",
        turns=2,
        answered=True,
        tools=("grep", "weather"),
        scaffolds=(),
    )


def test_messages_with_blocks_of_instructions_and_a_result() -> None:
    body = {
        "system": [{"type": "text", "text": "You are a guide."}, {"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "Does it rain?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "weather", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "it rains"}]},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
        "tools": [{"name": "weather", "input_schema": {}}],
    }
    assert asked(exchange(body, "messages")) == Asked(
        system="You are a guide.\nBe brief.",
        newest="it rains\nGo on.",
        turns=2,
        answered=True,
        tools=("weather",),
        scaffolds=(),
    )
    assert asked(exchange({**body, "system": "Be brief."}, "messages")).system == "Be brief."


@pytest.mark.parametrize(("api", "name"), [("completions", "prompt"), ("embeddings", "input"), ("responses", "input")])
def test_a_text_or_several(api: Api, name: str) -> None:
    one = asked(exchange({name: "Once upon a time"}, api))
    assert (one.newest, one.turns, one.answered, one.system) == ("Once upon a time", 1, False, "")
    two = asked(exchange({name: ["first", "second"]}, api))
    assert (two.newest, two.turns) == ("second", 2)
    tokens = asked(exchange({name: [1, 2, 3]}, api))
    assert (tokens.newest, tokens.turns) == ("", 0)


# Withheld content


def test_withheld_turns_leave_their_hashes() -> None:
    kept = PRIVACY.body(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is on it?"}]},
                {"role": "assistant", "content": "A cat."},
                {"role": "user", "content": "Are you sure about that?"},
            ]
        },
        "served",
    )
    found = asked(exchange(kept))
    assert (found.system, found.newest, found.turns, found.answered) == ("", "", 2, True)
    # Of the instructions and of the newest turn; earlier turns were looked at when they were new.
    assert found.scaffolds == (hashed("Be brief."), hashed("Are you sure about that?"))


@pytest.mark.parametrize(("api", "name"), [("completions", "prompt"), ("embeddings", "input"), ("responses", "input")])
def test_a_withheld_text_is_a_turn_with_a_hash(api: Api, name: str) -> None:
    kept = PRIVACY.body({name: "Once upon a time"}, "served")
    assert kept[name] is None
    found = asked(exchange(kept, api))
    assert (found.newest, found.turns, found.scaffolds) == ("", 1, (hashed("Once upon a time"),))
    listed = asked(exchange(PRIVACY.body({name: ["first", "second"]}, "served"), api))
    assert (listed.turns, listed.scaffolds) == (2, (hashed("second"),))


def test_withheld_instructions_and_results_leave_their_hashes() -> None:
    results = {"type": "function_call_output", "call_id": "c", "output": "it rains"}
    kept = PRIVACY.body({"instructions": "Be kind.", "input": [{"role": "user", "content": "Rain?"}, results]}, "m")
    found = asked(exchange(kept, "responses"))
    assert found.scaffolds == (hashed("Be kind."), hashed("it rains"))
    block = {"type": "tool_result", "tool_use_id": "c", "content": "it rains"}
    body = {"system": "Be kind.", "messages": [{"role": "user", "content": [block]}]}
    assert asked(exchange(PRIVACY.body(body, "m"), "messages")).scaffolds == (hashed("Be kind."), hashed("it rains"))
    blocks = {**body, "system": [{"type": "text", "text": "Be kind."}]}
    assert asked(exchange(PRIVACY.body(blocks, "m"), "messages")).scaffolds == (hashed("Be kind."), hashed("it rains"))


def test_a_hash_beside_content_is_the_client_s_own_and_counts_for_nothing() -> None:
    parts = [{"type": "text", "text": "What?", "scaffold": "s1:01"}, {"type": "text", "text": "", "scaffold": "s1:02"}]
    turns = [
        {"role": "system", "content": "Be brief.", "scaffold": "s1:03"},
        {"role": "user", "content": parts, "scaffold": "s1:04", "output_scaffold": "s1:05"},
    ]
    body = {"messages": turns, "messages_scaffold": "s1:06", "system": "Be kind.", "system_scaffold": "s1:07"}
    found = asked(exchange(body))
    assert (found.newest, found.turns, found.scaffolds) == ("What?", 1, ())
    forms: tuple[tuple[Api, str], ...] = (("completions", "prompt"), ("responses", "input"), ("embeddings", "input"))
    for api, name in forms:
        found = asked(exchange({name: "Once", f"{name}_scaffold": "s1:08"}, api))
        assert (found.newest, found.scaffolds) == ("Once", ())


def test_four_hashes_of_instructions_and_four_of_a_turn_are_a_handful() -> None:
    def withheld(kind: str) -> list[dict[str, Any]]:
        return [{"type": "text", "text": None, "scaffold": f"s1:{kind}{at // 2}"} for at in range(1000)]

    body = {"system": withheld("a"), "messages": [{"role": "user", "content": withheld("b")}]}
    found = asked(exchange(body, "messages"))
    assert found.scaffolds == tuple(f"s1:{kind}{at}" for kind in "ab" for at in range(4))


def test_what_is_too_long_is_no_hash() -> None:
    for length, known in ((19, True), (128, True), (129, False), (1 << 20, False)):
        turn = {"role": "user", "content": None, "scaffold": "s" * length}
        assert bool(asked(exchange({"messages": [turn]})).scaffolds) is known


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", sorted(set(BODIES) - {"completions request of tokens"}))
def test_withheld_content_keeps_the_shape_of_a_conversation(api: Api, name: str) -> None:
    """Not of token numbers, which are no turn to begin with."""
    full, kept = asked(exchange(BODIES[name], api)), asked(exchange(PRIVACY.body(BODIES[name], "served"), api))
    assert (kept.turns, kept.answered, kept.tools) == (full.turns, full.answered, full.tools)
    assert not kept.newest and not kept.system


# Garbage

NAMES = ["messages", "input", "prompt", "system", "instructions", "tools", "role", "content", "text", "type", "output"]
WORDS = st.sampled_from(["user", "assistant", "system", "text", "function_call_output", "s1:00", ""])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*NAMES, "scaffold", "function", "name"]), inner, max_size=5)
    ),
    max_leaves=30,
)


# Drawing such a value may take long on a machine that has other work; what it is drawn for does not.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*NAMES, "input_scaffold"]), ANY, max_size=6), st.sampled_from(APIS))
def test_no_request_is_too_odd(request: dict[str, Any], api: Api) -> None:
    found = asked(exchange(request, api))
    assert isinstance(found.system, str) and isinstance(found.newest, str)
    assert all(isinstance(one, str) for one in (*found.tools, *found.scaffolds))
    assert found.turns >= 0 and found.tools == tuple(sorted(found.tools))


@pytest.mark.parametrize("depth", [10, 900])
def test_no_request_nests_too_deeply(depth: int) -> None:
    lists: Any = "deep"
    mappings: Any = "deep"
    for _ in range(depth):
        lists, mappings = [lists], {"content": mappings}
    for value in (lists, mappings):
        found = asked(said(value))
        assert found.turns == 1 and found.newest == ("deep" if depth == 10 else "")
        found = asked(exchange({"messages": [{"type": value}], "tools": [{"type": value}]}))
        assert found.answered and found.tools == ("None",)
