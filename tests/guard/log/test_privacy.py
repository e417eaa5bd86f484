"""What the log keeps of a body at each level: the structure, and nothing that could hold a person's words."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.errors import ConfigError
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.fields import BODY, CALLED, Kind, Table
from stillhouse.guard.log.line import LineMaker
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.log.scaffold import scaffold
from tests.guard.log.bodies import BODIES

SECRET = b"a secret of at least sixteen bytes"
WORD = "quetzalcoatl"
SENTENCE = "the quetzalcoatl flies"
REDUCED = {level: Privacy(level, SECRET) for level in ("scaffold", "none")}
HASH = r"[st]1:[0-9a-f]{16}"


def keep(body: dict[str, Any], level: str = "scaffold") -> dict[str, Any]:
    return REDUCED[level].body(body, "served")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(object or list, key or index) of everything in a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """(name of the field that it is in, string) for all strings, names of fields with an empty name."""
    for holder, key in places(value):
        if isinstance(key, str):
            yield "", key
        if isinstance(holder[key], str):
            yield str(key), holder[key]


def line(body: dict[str, Any], level: str) -> str:
    """The whole record with `body` as the request and as the answer."""
    maker = LineMaker(REDUCED[level])
    draft = Draft(id="ex_1", time=0.0, account="a", model="served", api="messages", request=body, response=body)
    return maker.line(draft).decode()


# Values


def test_a_chat_request_at_scaffold() -> None:
    kept = keep(BODIES["chat request"])
    system, user, assistant, tool, _ = kept["messages"]
    key = REDUCED["scaffold"]._scaffold_key
    assert system == {
        "role": "system",
        "content": None,
        "scaffold": scaffold("You are brief.", key),
        "characters": 14,
    }
    assert user["content"][0] == {
        "type": "text",
        "text": None,
        "scaffold": scaffold("What is on it?", key),
        "characters": 14,
    }
    assert user["content"][1] == {"type": "image_url", "image_url": None, "image_url_characters": 3 + 26 + 6 + 3}
    assert user["content"][3] == {"type": "file", "file": None, "file_characters": 8 + 8 + 9 + 4}
    function = assistant["tool_calls"][0]["function"]
    assert function["name"] == "get_weather" and function["arguments"] is None
    assert re.fullmatch(HASH, function["arguments_scaffold"]) and function["arguments_characters"] == 16
    assert assistant["content"] is None and "scaffold" not in assistant
    assert tool["tool_call_id"] == assistant["tool_calls"][0]["id"]
    declared = kept["tools"][0]["function"]
    assert declared["name"] == "get_weather" and declared["strict"] is True and declared["description"] is None
    assert kept["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert [entry["characters"] for entry in kept["stop"]] == [3, 3]
    assert kept["logit_bias"] is None and kept["logit_bias_entries"] == 2
    for name in ("temperature", "n", "max_tokens", "seed", "stream", "top_logprobs", "reasoning_effort", "modalities"):
        assert kept[name] == BODIES["chat request"][name], name
    assert kept["model"] == "served" and "withheld_fields" not in kept


def test_persons_and_ids_are_keyed_tokens() -> None:
    kept, again = keep(BODIES["chat request"]), keep(BODIES["chat request"], "none")
    for name in ("user", "safety_identifier", "prompt_cache_key"):
        assert re.fullmatch(r"t1:[0-9a-f]{16}", kept[name]) and kept[name] == again[name]
    known, own = kept["metadata"]
    assert known == "user_id" and re.fullmatch(HASH, own) and kept["metadata"][own] != own
    other = Privacy("scaffold", SECRET + b"!").body(BODIES["chat request"], "served")
    assert other["user"] != kept["user"]
    answer, request = keep({"id": "resp_1"}), keep({"previous_response_id": "resp_1", "conversation": {"id": "resp_1"}})
    assert answer["id"] == request["previous_response_id"] == request["conversation"]


def test_responses_items() -> None:
    kept = keep(BODIES["responses request"])
    message, call, output, custom, reasoning, _ = kept["input"]
    assert message["role"] == "user" and message["content"][0]["type"] == "input_text"
    assert call["name"] == "find" and call["arguments"] is None and call["call_id"] == output["call_id"]
    assert output["output"] is None and output["output_characters"] == 5
    assert custom["name"] == "shell" and custom["input_characters"] == 5
    assert reasoning["summary"][0]["characters"] == 5 and reasoning["encrypted_content"] is None
    assert kept["instructions"] is None and kept["instructions_characters"] == 9
    assert kept["text"]["verbosity"] == "low" and kept["reasoning"] == {"effort": "high", "summary": "auto"}
    assert kept["tools"] == [{"type": "web_search_preview_2025_03_11"}, {"type": "mcp"}]
    # file_id, version, server_url, headers: not known to be harmless.
    assert kept["withheld_fields"] == 4


def test_anthropic_blocks() -> None:
    kept = keep(BODIES["messages request"])
    assert kept["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    document, image, _ = kept["messages"][0]["content"]
    assert document["source"] is None and image["source_characters"] > 0
    thinking, _, used = kept["messages"][1]["content"]
    assert thinking["thinking"] is None and thinking["thinking_characters"] == 3
    assert used["name"] == "read" and used["input"] is None and used["input_characters"] == 12
    assert kept["messages"][2]["content"][0]["content"][0]["characters"] == 1


def test_tokens_and_vectors_are_content() -> None:
    assert keep(BODIES["completions request of tokens"])["prompt"] == [{"text": None, "text_entries": 2}] * 2
    assert keep(BODIES["embeddings request of tokens"])["input_entries"] == 3
    assert keep(BODIES["embeddings answer"])["data"][0]["embedding_entries"] == 2


def test_none_has_lengths_and_no_hashes() -> None:
    for name, body in BODIES.items():
        with_hashes, without = json.dumps(keep(body)), json.dumps(keep(body, "none"))
        assert "scaffold" not in without and ("characters" in without or "entries" in without), name
        assert len(with_hashes) >= len(without)


def test_tool_arguments_are_hashed_by_their_shape() -> None:
    def hashed(arguments: object) -> str:
        return str(keep({"functions": [{"name": "f", "arguments": arguments}]})["functions"][0]["arguments_scaffold"])

    assert hashed('{"q": "a"}') == hashed('{"q": "b c"}') == hashed({"q": "d"}) != hashed('{"r": "a"}')
    assert hashed("not json a") != hashed("not json b")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_original_stays_as_it_is_and_known_bodies_lose_no_structure(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    kept = keep(body)
    assert body == before
    assert set(body) <= set(kept), "a common field of the API is not in the tables"


def test_below_full_a_secret_is_needed() -> None:
    for level in ("scaffold", "none"):
        for secret in (None, b"short"):
            with pytest.raises(ConfigError, match=f"^log.privacy: {level} needs a secret of at least 16 bytes"):
                Privacy(level, secret)
    Privacy("full", None)


# Leaks


def allowed(table: Table, seen: set[int]) -> set[str]:
    """All names of fields that the tables know."""
    if id(table) in seen:
        return set()
    seen.add(id(table))
    below = [allowed(rule, seen) for rule in table.values() if not isinstance(rule, Kind)]
    return set(table).union(*below)


KNOWN = allowed(BODY, set()) | allowed(CALLED, set())


@pytest.mark.parametrize("level", REDUCED)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_word_planted_at_any_place_is_not_kept(body: dict[str, Any], level: str) -> None:
    count = sum(1 for _ in places(body))
    for number in range(count):
        for planted in (
            SENTENCE,
            [SENTENCE],
            {"type": "text", "text": SENTENCE, WORD: SENTENCE, "new_field": SENTENCE},
        ):
            changed = copy.deepcopy(body)
            holder, key = list(places(changed))[number]
            holder[key] = planted
            assert WORD not in line(changed, level), (key, planted)
        changed = copy.deepcopy(body)
        holder, key = list(places(changed))[number]
        if isinstance(holder, dict):
            holder[WORD] = holder[key]
            holder["new_field"] = SENTENCE
            assert WORD not in line(changed, level), key


def test_only_names_of_tools_can_hold_a_word() -> None:
    """A tool's name is kept, as identifiers are; so a client can put one word there, and only there."""
    for body in BODIES.values():
        for number in range(sum(1 for _ in places(body))):
            changed = copy.deepcopy(body)
            holder, key = list(places(changed))[number]
            holder[key] = WORD
            assert all(name == "name" for name, text in strings(keep(changed)) if WORD in text), (holder, key)


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(SENTENCE) | st.just(f"{WORD}:")
)
names = st.sampled_from(sorted(KNOWN)) | st.just(WORD)
kinds = st.sampled_from(["text", "tool_use", "function_call", "message", "reasoning", "function", WORD + " "])
anything = st.recursive(
    leaves,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(names, below, max_size=4)
        | st.builds(lambda fields, kind: fields | {"type": kind}, st.dictionaries(names, below, max_size=3), kinds)
    ),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(BODY)), anything, max_size=5))
def test_nothing_of_a_body_of_any_form_is_kept_but_what_is_listed(body: dict[str, Any]) -> None:
    for level in REDUCED:
        assert WORD not in line(body, level)


def test_nesting_without_end_is_cut() -> None:
    deep: dict[str, Any] = {"content": SENTENCE}
    for _ in range(400):
        deep = {"type": "tool_result", "content": [deep]}
    assert WORD not in line({"content": [deep]}, "scaffold")
    calls: dict[str, Any] = {"error": {"message": SENTENCE}}
    assert WORD not in line({"choices": [[[calls]]], "messages": [calls]}, "scaffold")


def test_a_body_that_is_no_object_keeps_its_length() -> None:
    maker = LineMaker(REDUCED["scaffold"])
    for raw in (SENTENCE.encode(), json.dumps([SENTENCE]).encode(), b'{"a": "' + SENTENCE.encode()):
        draft = Draft(id="ex_1", time=0.0, account="a", model="m", api="messages", request=raw)
        record = json.loads(maker.line(draft))
        assert WORD not in json.dumps(record)
        assert record["request"]["unreadable"]["characters"] >= len(SENTENCE)
