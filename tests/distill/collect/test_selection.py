"""Filters one by one, their order, and that the order in which answers came changes nothing."""

import random
from typing import Any

import pytest

from stillhouse.distill.collect.items import Item, items_of
from stillhouse.distill.collect.selection import REASONS, fault, select
from stillhouse.distill.collect.settings import CollectSettings, FilterSettings
from stillhouse.distill.prompts import Prompt
from stillhouse.types import Message
from tests.distill.collect.server import settings_of

REFUSAL = "I'm sorry, but I can't help with that."


def items(*rows: tuple[str, str | None], answers: int = 1, system: str | None = None) -> list[Item]:
    """Items of `(question, checkable answer or None)`."""
    task = {True: "exact", False: None}
    prompts = [Prompt.of([Message("user", q)], answer=a, task=task[a is not None]) for q, a in rows]
    return items_of(prompts, answers, system, seed=0)


def line(item: Item, text: str, finish_reason: str = "stop") -> dict[str, Any]:
    return {"id": item.id, "prompt": item.prompt.id, "index": item.index, "text": text, "finish_reason": finish_reason}


def settings(**changes: Any) -> CollectSettings:
    return CollectSettings.model_validate(settings_of("http://127.0.0.1:1/v1", [{"name": "instructions"}], **changes))


FAULTS: list[tuple[str, str, bool | None, dict[str, Any], str | None]] = [
    ("fine", "stop", None, {}, None),
    ("", "stop", None, {}, "empty"),
    ("cut o", "length", None, {}, "truncated"),
    ("cut o", "length", None, {"truncated": "keep"}, None),
    ("cut o", "content_filter", None, {}, "truncated"),
    ("cut o", "model_context_window_exceeded", None, {}, "truncated"),
    ("whole?", "unknown", None, {}, "end not told"),
    ("whole?", "unknown", None, {"truncated": "keep"}, None),
    ("cut o", "content_filter", None, {"truncated": "keep"}, None),
    ("Nothing that the rules know.", "refusal", None, {"refusals": "drop"}, "refusal"),
    ("Nothing that the rules know.", "refusal", None, {}, None),
    ("abcd", "stop", None, {"min_chars": 5}, "too short"),
    ("abcde", "stop", None, {"min_chars": 5}, None),
    ("abcde", "stop", None, {"max_chars": 5}, None),
    ("abcdef", "stop", None, {"max_chars": 5}, "too long"),
    (REFUSAL, "stop", None, {}, None),
    (REFUSAL, "stop", None, {"refusals": "drop"}, "refusal"),
    ("Here you are.", "stop", None, {"refusals": "drop"}, None),
    ("5", "stop", False, {}, None),
    ("5", "stop", False, {"checkable": "right"}, "wrong"),
    ("4", "stop", True, {"checkable": "right"}, None),
    ("no check", "stop", None, {"checkable": "right"}, None),
    (REFUSAL, "length", False, {"refusals": "drop", "checkable": "right", "min_chars": 99}, "truncated"),
    (REFUSAL, "stop", False, {"refusals": "drop", "checkable": "right", "min_chars": 99}, "too short"),
    (REFUSAL, "stop", False, {"refusals": "drop", "checkable": "right"}, "refusal"),
]


@pytest.mark.parametrize(("text", "finish", "right", "filters", "expected"), FAULTS)
def test_fault(text: str, finish: str, right: bool | None, filters: dict[str, Any], expected: str | None) -> None:
    assert fault(text, finish, right, FilterSettings(**filters)) == expected
    assert expected is None or expected in REASONS


def test_rows_are_a_prompt_file_with_given_answers() -> None:
    (item,) = items(("What is 2 + 2?", "4"), system="Be brief.")
    found = select([item], {item.id: line(item, " It is 4.\n")}, settings())
    assert found.messages == [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is 2 + 2?"},
                {"role": "assistant", "content": "It is 4."},
            ],
            "id": item.id,
            "prompt": item.prompt.id,
            "finish_reason": "stop",
        }
    ]
    assert (found.dropped, found.checked, found.right) == ([], 1, 1)


def test_dropped_rows_say_why_and_what_was_said() -> None:
    some = items(("Who?", None), ("What is 2 + 2?", "4"), ("Where?", None), answers=2)
    texts = ["me", " ME ", "5", "it is 4", "", "there"]
    found = select(
        some,
        {item.id: line(item, text) for item, text in zip(some, texts, strict=True)},
        settings(answers=2, filters={"checkable": "right"}),
    )
    ids = [item.id for item in some]
    assert [(row["id"], row["reason"], row["text"]) for row in found.dropped] == [
        (ids[1], "near-duplicate", " ME "),
        (ids[2], "wrong", "5"),
        (ids[4], "empty", ""),
    ]
    assert found.dropped[0]["of"] == ids[0]
    assert [row["id"] for row in found.messages] == [ids[0], ids[3], ids[5]]
    assert (found.checked, found.right) == (2, 1)


def test_dropped_answers_make_no_other_a_duplicate() -> None:
    first, second = items(("Who?", None), answers=2)
    answers = {first.id: line(first, "only me", "length"), second.id: line(second, "only me")}
    assert [row["id"] for row in select([first, second], answers, settings(answers=2)).messages] == [second.id]


def test_failed_and_unasked_items_are_in_neither_list() -> None:
    some = items(("Who?", None), ("Where?", None))
    failed = {"id": some[0].id, "prompt": some[0].prompt.id, "index": 0, "error": "no byte for 1 s"}
    found = select(some, {some[0].id: failed}, settings())
    assert (found.messages, found.dropped, found.checked) == ([], [], 0)


def test_order_of_arrival_changes_nothing() -> None:
    rng = random.Random(0)
    some = items(*((f"Question {i}?", None) for i in range(20)), answers=4)
    lines = [line(item, " ".join(rng.choice(("red", "green", "blue")) for _ in range(3))) for item in some]
    wanted = settings(answers=4, dedup={"threshold": 0.5, "words": 1, "across_prompts": True})
    expected = select(some, {row["id"]: row for row in lines}, wanted)
    assert 1 < len(expected.messages) < 8
    for _ in range(3):
        rng.shuffle(lines)
        assert select(some, {row["id"]: row for row in lines}, wanted) == expected


def test_without_dedup_the_same_answer_is_kept_twice() -> None:
    some = items(("Who?", None), answers=2)
    answers = {item.id: line(item, "me") for item in some}
    assert len(select(some, answers, settings(answers=2, dedup=None)).messages) == 2
