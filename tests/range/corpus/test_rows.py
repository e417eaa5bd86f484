"""Rows of the field's files, told by their shape."""

from typing import Any

import pytest

from stillhouse.range.corpus import Conversation, Item, Task
from stillhouse.range.corpus.rows import Gathered, paired, passages, suite_name

LONG = "A passage of some length about the history of the lighthouse, its keepers and its lamp, told in brief."


def gathered(*rows: Any, file: str = "file.jsonl") -> Gathered:
    found = Gathered()
    for number, row in enumerate(rows):
        found.take(row, file, f"{file}:{number}")
    found.finish()
    return found


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        (
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]},
            (("Hi", ""),),
        ),
        (
            {"prompt": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]},
            (("Hi", "Yes"),),
        ),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]}, (("Hi", "Yes"),)),
        ({"turns": ["One?", "Two?"]}, (("One?", ""), ("Two?", ""))),
        ({"prompt": "Hi", "completion": "Yes"}, (("Hi", "Yes"),)),
    ],
)
def test_conversations_have_many_shapes(row: dict[str, Any], turns: tuple[tuple[str, str], ...]) -> None:
    (talk,) = gathered(row).conversations
    assert talk.turns == turns and talk.user is None


def test_a_user_is_kept_where_one_is_named() -> None:
    rows = [
        {"turns": ["One?"], "judge": "arena_user_4", "question_id": "q1"},
        {"messages": [{"role": "user", "content": "x"}], "user": 7},
    ]
    assert [talk.user for talk in gathered(*rows).conversations] == ["arena_user_4", "7"]


def test_parts_of_a_conversation_become_whole() -> None:
    rows = [
        {"id": "abc_0", "conversations": [{"from": "human", "value": "One?"}, {"from": "gpt", "value": "1"}]},
        {"id": "abc_1", "conversations": [{"from": "gpt", "value": "cut"}, {"from": "human", "value": "Two?"}]},
    ]
    assert gathered(*rows).conversations == [Conversation("abc", (("One?", "1"), ("Two?", "")))]


def test_the_same_opening_of_nobody_in_particular_is_kept_once() -> None:
    rows = [{"prompt": "Hi"}, {"prompt": "Hi"}, {"turns": ["Hi"], "user": "u"}]
    assert [talk.user for talk in gathered(*rows).conversations] == [None, "u"]


def test_instructions_of_both_alpaca_and_self_instruct() -> None:
    rows = [
        {"instruction": "Add.", "input": "1, 2", "output": "3"},
        {"instruction": "Name it.", "instances": [{"input": "", "output": "Ann"}]},
        {"instruction": "Only this.", "instruction_type": "x"},
    ]
    assert gathered(*rows).instructions == [Task("Add.", "1, 2", "3"), Task("Name it.", "", "Ann"), Task("Only this.")]


@pytest.mark.parametrize(
    ("file", "row", "name", "item"),
    [
        ("gsm8k_test.jsonl", {"question": "2 + 2?", "answer": "4"}, "gsm8k", Item("2 + 2?", "4")),
        ("p/gsm8k_train.jsonl.zst", {"question": "2 + 2?", "answer": "4"}, "gsm8k_train", Item("2 + 2?", "4")),
        ("bbh.jsonl", {"task": "b", "input": "not True is", "target": "False"}, "bbh", Item("not True is", "False")),
        ("mmlu_test.jsonl", {"question": "Which?", "label": "(C)", "options": []}, "mmlu", Item("Which?", "(C)")),
        ("math.jsonl", {"question": "x?", "label": [True]}, "math", Item("x?", "")),
        ("ifeval_541.jsonl", {"prompt": "No commas.", "instruction_id_list": ["a"]}, "ifeval", Item("No commas.")),
    ],
)
def test_items_of_benchmarks(file: str, row: dict[str, Any], name: str, item: Item) -> None:
    assert gathered(row, file=file).benchmarks == {name: [item]}


def test_roles_and_documents() -> None:
    found = gathered({"act": "Cook", "prompt": "Act as a cook."}, {"text": LONG}, {"text": "short"})
    assert found.roles == ["Act as a cook."] and found.documents == [LONG]


@pytest.mark.parametrize("row", [{}, {"label": 3}, ["x"], 4, None, {"messages": []}, {"prompt": "  "}, {"turns": [""]}])
def test_a_row_of_no_known_shape_is_counted(row: object) -> None:
    assert gathered(row).unknown == 1


def test_files_are_remembered_by_kind() -> None:
    assert dict(gathered({"prompt": "Hi"}, file="a/b.jsonl").files) == {"conversations": {"a/b.jsonl": None}}


def test_passages_are_whole_paragraphs_of_bounded_length() -> None:
    paragraph = "word " * 120
    found = passages("\n\n".join([paragraph] * 5))
    assert len(found) == 3 and all(80 <= len(piece) <= 1200 for piece in found)


def test_pairs_begin_with_a_question() -> None:
    turns = [("gpt", "a"), ("human", "q"), ("gpt", "b"), ("gpt", "c"), ("human", ""), ("user", "r")]
    assert paired(turns) == [("q", "b"), ("r", "")]


@pytest.mark.parametrize("odd", [["user"], {"name": "user"}, None, 3])
def test_whoever_is_not_named_as_a_person_answers(odd: object) -> None:
    rows = [{"role": "user", "content": "q"}, {"role": odd, "content": "a"}]
    (talk,) = gathered({"messages": rows}).conversations
    assert talk.turns == (("q", "a"),)


def test_training_parts_keep_their_word() -> None:
    assert suite_name("a/math_test_5000.jsonl.zst") == "math" and suite_name("x_train.jsonl") == "x_train"


def test_recorded_calls_of_agents_give_their_gaps() -> None:
    def call(second: int, file: str = "one") -> dict[str, object]:
        return {"timestamp": f"2026-04-21T11:{second // 60:02d}:{second % 60:02d}+00:00", "ttft_ms": 1.0, "file": file}

    # Gaps of 2 and 6 seconds; the pause of half an hour, and what lies between two files, are none.
    odd = [{"timestamp": when, "ttft_ms": 1} for when in ("noon", "0001-01-01T00:00:00")]
    rows = [call(0), call(2), call(8), call(1808), call(100, "two"), *odd]
    found = gathered(*rows)
    assert found.gaps == {"agent": [0.5, 1.5]} and found.unknown == 2
