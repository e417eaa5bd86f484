"""Ids come from content, and the record of answers survives what a kill leaves."""

from pathlib import Path

import pytest

from stillhouse.distill.collect.items import Answers, Item, items_of
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import RecordError
from stillhouse.types import Completion, Message


def prompt(text: str, *before: Message) -> Prompt:
    return Prompt.of([*before, Message("user", text)])


@pytest.fixture
def some() -> list[Item]:
    return items_of([prompt("Who?"), prompt("Where?")], 2, None, seed=0)


def test_items_are_named_by_prompt_and_number(some: list[Item]) -> None:
    who, where = prompt("Who?").id, prompt("Where?").id
    assert [item.id for item in some] == [f"{who}-0", f"{who}-1", f"{where}-0", f"{where}-1"]
    assert items_of([prompt("Where?")], 2, None, seed=0) == some[2:]


def test_every_answer_has_a_seed_of_its_own(some: list[Item]) -> None:
    seeds = {item.seed for item in some} | {item.seed for item in items_of([prompt("Who?")], 2, None, seed=1)}
    assert len(seeds) == 6 and all(0 <= seed < 2**31 for seed in seeds)


def test_system_message_goes_before_prompts_that_have_none() -> None:
    own = prompt("Who?", Message("system", "Mine."))
    bare, given = items_of([prompt("Who?"), own], 1, "Be brief.", seed=0)
    assert bare.messages == (Message("system", "Be brief."), Message("user", "Who?"))
    assert given.messages == own.messages
    assert bare.id == f"{prompt('Who?').id}-0"


def test_what_was_recorded_is_read_back(some: list[Item], tmp_path: Path) -> None:
    answers, known = Answers(tmp_path / "answers.jsonl"), {item.id for item in some}
    assert answers.read(known) == {}
    answers.answered(some[1], Completion(text="da\u2028bin", finish_reason="length"))
    answers.failed(some[0], "no byte for 1 s")
    assert answers.read(known) == {
        some[1].id: {
            "id": some[1].id, "prompt": some[1].prompt.id, "index": 1, "text": "da\u2028bin", "finish_reason": "length"
        },
        some[0].id: {"id": some[0].id, "prompt": some[0].prompt.id, "index": 0, "error": "no byte for 1 s"},
    }  # fmt: skip
    answers.forget_failures(known)
    assert list(answers.read(known)) == [some[1].id]


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_unfinished_last_line_was_never_recorded(cut: int, some: list[Item], tmp_path: Path) -> None:
    answers, known = Answers(tmp_path / "answers.jsonl"), {item.id for item in some}
    answers.answered(some[0], Completion(text="me"))
    answers.answered(some[1], Completion(text="you"))
    answers.path.write_bytes(answers.path.read_bytes()[:-cut])
    # Without its newline alone the line is whole, and the next append ends it.
    whole = cut == 1
    assert set(answers.read(known)) == {some[0].id} | ({some[1].id} if whole else set())
    if not whole:
        answers.answered(some[1], Completion(text="you"))
    answers.answered(some[2], Completion(text="here"))
    assert list(answers.read(known)) == [item.id for item in some[:3]]


def test_damage_is_named_by_its_line(some: list[Item], tmp_path: Path) -> None:
    answers, known = Answers(tmp_path / "answers.jsonl"), {item.id for item in some}
    answers.answered(some[0], Completion(text="me"))
    good = answers.path.read_text()
    for damage, message in (
        ("{\n", ":2: not JSON"),
        ("[]\n", ":2: no answer and no error stands here"),
        ('{"text": "without its finish_reason"}\n', ":2: no answer and no error stands here"),
        (good, f":2: answers '{some[0].id}' for the second time"),
        (good.replace(some[0].id, "x"), ":2: answers 'x', which is no item of this run"),
    ):
        answers.path.write_text(good + damage)
        with pytest.raises(RecordError) as caught:
            answers.read(known)
        assert str(caught.value).startswith(f"{answers.path}{message}")
