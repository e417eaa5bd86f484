"""Answers in every format, as they are given and as the next request carries them; and whose they were."""

from typing import Any

import pytest

from stillhouse.guard.features.continuity import Continuity, carried, given
from stillhouse.types import Api, Exchange

CALL = {"id": "call_7", "type": "function", "function": {"name": "search", "arguments": "{}"}}
USE = {"type": "tool_use", "id": "toolu_7", "name": "search", "input": {}}
ASKED = {"role": "user", "content": "And now?"}
FORMATS: list[tuple[Api, Any, list[Any], str]] = [
    (
        "chat.completions",
        {"choices": [{"message": {"role": "assistant", "content": " It is blue. "}}]},
        [{"role": "assistant", "content": "It is blue."}, ASKED],
        "It is blue.",
    ),
    (
        "chat.completions",
        {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}]},
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_7", "content": "none"},
        ],
        "call_7",
    ),
    (
        "messages",
        {"role": "assistant", "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "blue."}]},
        [{"role": "assistant", "content": "It is blue."}, ASKED],
        "It is blue.",
    ),
    (
        "messages",
        {"role": "assistant", "content": [USE]},
        [{"role": "assistant", "content": [USE]}, {"role": "user", "content": [{"type": "tool_result"}]}],
        "toolu_7",
    ),
    (
        "responses",
        {"output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "Blue."}]}]},
        [{"role": "assistant", "content": [{"type": "output_text", "text": "Blue."}]}, ASKED],
        "Blue.",
    ),
    (
        "responses",
        {"output": [{"type": "function_call", "call_id": "call_9", "name": "search"}]},
        [{"type": "function_call", "call_id": "call_9"}, {"type": "function_call_output", "call_id": "call_9"}],
        "call_9",
    ),
]


def exchange(api: Api, turns: Any = None, response: Any = None) -> Exchange:
    name = "input" if api == "responses" else "messages"
    return Exchange(id="1", time="", account="a", model="m", api=api, request={name: turns}, response=response)


@pytest.mark.parametrize(("api", "response", "turns", "answer"), FORMATS)
def test_an_answer_is_carried_as_it_was_given(api: Api, response: Any, turns: list[Any], answer: str) -> None:
    assert given(exchange(api, response=response)) == answer
    assert carried(exchange(api, [{"role": "user", "content": "What colour?"}, *turns])) == answer


def test_the_last_answer_counts_and_only_its_beginning() -> None:
    turns = [{"role": "assistant", "content": text} for text in ("first", "x" * 300)]
    assert carried(exchange("chat.completions", [*turns, ASKED])) == "x" * 256


@pytest.mark.parametrize("response", [None, {}, {"choices": []}, {"choices": [None]}, {"output": "?"}, {"content": 3}])
def test_what_has_no_answer_gives_none(response: Any) -> None:
    for api in ("chat.completions", "messages", "responses", "completions"):
        assert given(exchange(api, response=response)) == ""
    assert carried(exchange("chat.completions", [ASKED])) == carried(exchange("completions")) == ""


def looked_at(*requests: tuple[int, int, bool]) -> Continuity:
    """Each: what it carries, what it was answered, whether it came from the cache."""
    seen = Continuity()
    for before, after, is_cached in requests:
        seen.look(before, is_cached)
        seen.note(after)
    return seen


def test_own_and_others_answers_by_hand() -> None:
    begins, goes_on, elsewhere, withheld = (0, 11, False), (11, 12, True), (99, 13, True), (12, 0, False)
    seen = looked_at(begins, goes_on, elsewhere, withheld)
    assert (seen.carried, seen.own, seen.cached) == (3, 2, 1)


def test_a_log_without_answers_tells_nothing() -> None:
    assert looked_at(*[(7, 0, True)] * 5).carried == 0


def test_the_last_16_answers_are_remembered() -> None:
    seen = looked_at(*[(0, number, False) for number in range(1, 18)], (2, 0, False), (1, 0, False))
    assert (seen.carried, seen.own) == (2, 1)
