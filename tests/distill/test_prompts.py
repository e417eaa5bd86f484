"""Every prompt format by value, every fault by its one line, and what must never change between runs."""

import hashlib
import json
import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from stillhouse.distill.prompts import (
    Prompt,
    digest,
    drop_duplicates,
    load_prompts,
    read_prompts,
    read_source,
    reasoning_gym_tasks,
    source_record,
)
from stillhouse.distill.prompts.packaged import REFUSED
from stillhouse.distill.sections import PromptSource
from stillhouse.errors import ConfigError, RecordError
from stillhouse.types import Message


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def only(path: Path) -> Prompt:
    (prompt,) = read_prompts(path)
    return prompt


def fault(path: Path) -> str:
    with pytest.raises(RecordError) as caught:
        list(read_prompts(path))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_id_is_the_hash_of_the_messages_and_of_nothing_else() -> None:
    text = '[{"content":"Héllo","role":"user"}]'
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert Prompt.of([Message("user", "Héllo")]).id == expected
    assert Prompt.of([Message("user", "Héllo")], reference="Hi", answer="1", task="exact").id == expected
    assert Prompt.of([Message("user", "Héllo!")]).id != expected
    assert Prompt.of([Message("system", "Héllo")]).id != expected


def test_the_digest_sees_order_reference_and_answer() -> None:
    one, two = Prompt.of([Message("user", "one")]), Prompt.of([Message("user", "two")])
    digests = {
        digest([one, two]),
        digest([two, one]),
        digest([one]),
        digest([Prompt.of(one.messages, reference="a")]),
        digest([Prompt.of(one.messages, answer="a")]),
    }
    assert len(digests) == 5
    assert digest([one]) == digest([Prompt.of(one.messages, meta={"category": "x"})])


def test_a_final_assistant_turn_becomes_the_reference(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Bye"},
        {"role": "assistant", "content": "Goodbye."},
    ]
    prompt = only(write(tmp_path / "a.jsonl", {"messages": turns, "source": "kept out"}))
    assert [m.as_dict() for m in prompt.messages] == turns[:4]
    assert prompt.reference == "Goodbye."
    without = only(write(tmp_path / "b.jsonl", {"messages": turns[:4]}))
    assert without.reference is None
    assert without.id == prompt.id


@pytest.mark.parametrize(
    ("row", "reference", "answer"),
    [
        ({"prompt": "What is 2+2?"}, None, None),
        ({"prompt": "What is 2+2?", "completion": "Four."}, "Four.", None),
        ({"prompt": "What is 2+2?", "answer": 4}, None, "4"),
        ({"prompt": [{"role": "user", "content": "What is 2+2?"}], "completion": None}, None, None),
        (
            {
                "prompt": [{"role": "user", "content": "What is 2+2?"}],
                "completion": [{"role": "assistant", "content": "Four."}],
            },
            "Four.",
            None,
        ),
    ],
)
def test_prompt_rows(tmp_path: Path, row: object, reference: str | None, answer: str | None) -> None:
    prompt = only(write(tmp_path / "p.jsonl", row))
    assert prompt.messages == (Message("user", "What is 2+2?"),)
    assert (prompt.reference, prompt.answer) == (reference, answer)
    assert prompt.task == ("exact" if answer else None)


def test_gsm8k_rows(tmp_path: Path) -> None:
    solution = "She has 3+4=<<3+4=7>>7 hens.\nEach costs $200, so 7*200=$<<7*200=1400>>1400.\n#### 1,400"
    prompt = only(write(tmp_path / "g.jsonl", {"question": "How much?", "answer": solution}))
    assert prompt.messages == (Message("user", "How much?"),)
    assert prompt.reference == "She has 3+4=7 hens.\nEach costs $200, so 7*200=$1400.\n#### 1,400"
    assert (prompt.answer, prompt.task) == ("1400", "gsm8k")


def test_alpaca_array(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Add the numbers.", "input": "2, 3", "output": "5"},
        {"instruction": "Name a fish.", "input": "", "output": "Trout"},
        {"instruction": "Draw a cat.", "input": " ", "output": ""},
    ]
    path = tmp_path / "alpaca_data.json"
    path.write_text(json.dumps(rows, indent=4), encoding="utf-8")
    prompts = list(read_prompts(path))
    assert [p.messages[0].content for p in prompts] == ["Add the numbers.\n\n2, 3", "Name a fish.", "Draw a cat."]
    assert [p.reference for p in prompts] == ["5", "Trout", None]


def test_zstd_and_parquet_hold_the_same_prompts_as_jsonl(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"messages": [{"role": "user", "content": "Grüße?"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ]
    plain = write(tmp_path / "p.jsonl", *rows)
    lines = plain.read_bytes().splitlines(keepends=True)
    packed = tmp_path / "p.jsonl.zst"
    packed.write_bytes(b"".join(zstandard.compress(line) for line in lines))
    table = tmp_path / "p.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), table)
    expected = list(read_prompts(plain))
    assert len(expected) == 2
    assert list(read_prompts(packed)) == expected
    assert list(read_prompts(table)) == expected


def test_a_null_in_parquet_is_a_key_that_the_row_lacks(tmp_path: Path) -> None:
    table = tmp_path / "p.parquet"
    rows = [{"prompt": "one", "messages": None}, {"prompt": None, "messages": [{"role": "robot", "content": "x"}]}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), table)
    assert next(iter(read_prompts(table))).messages[0].content == "one"
    assert fault(table) == f"{table}: row 2: `messages[0]` has role 'robot'; use one of system, user, assistant, tool"


def test_blank_lines_and_a_byte_order_mark_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "one"}\n\n{"prompt": "two"}')
    assert [p.messages[0].content for p in read_prompts(path)] == ["one", "two"]


USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("text", "holds a str; a row is a JSON object with `messages`; "),
        ({"promt": "x", "id": 1}, "the keys ('promt', 'id') are of no known format; known: `messages`; "),
        ({}, "the keys (none) are of no known format; known: `messages`; "),
        ({"prompt": "  "}, "`prompt` is empty; fill it in or remove the row"),
        ({"prompt": 3}, "`prompt` must be a list of turns with `role` and `content`, and is 3"),
        ({"prompt": "x", "completion": 3}, "`completion` must be a string or one assistant turn, and is 3"),
        ({"prompt": "x", "completion": [USER]}, "`completion` must be a string or one assistant turn"),
        ({"prompt": "x", "answer": ["4"]}, "`answer` is a list; give a string or a number"),
        (
            {"prompt": [USER, {"role": "assistant", "content": "a"}], "completion": "b"},
            "`prompt` ends with an assistant turn and `completion` is given; keep one",
        ),
        ({"messages": []}, "`messages` must be a list of turns with `role` and `content`, and is []"),
        ({"messages": ["Hi"]}, "`messages[0]` must have `role` and `content`, and is 'Hi'"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "`messages[0]` has role 'bot'; use one of system, user"),
        ({"messages": [{"role": "user", "content": None}]}, "`messages[0].content` is a NoneType; give a string"),
        ({"messages": [USER, {"role": "user", "content": ""}]}, "`messages[1].content` is empty"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "`messages` has no user turn before the answer"),
        (
            {"messages": [USER, {"role": "system", "content": "x"}]},
            "the turn to be answered in `messages` is the system's; end with a user turn",
        ),
        ({"instruction": "", "input": "", "output": "x"}, "`instruction` is empty"),
        ({"instruction": "x", "input": 3, "output": "x"}, "`input` and `output` must be strings"),
        ({"question": "x", "answer": "7"}, "`answer` does not end in '#### N' with a number N"),
        ({"question": "x", "answer": "#### seven"}, "`answer` does not end in '#### N' with a number N"),
        ({"question": "", "answer": "#### 7"}, "`question` is empty"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path / "p.jsonl", {"prompt": "good"}, row)
    assert fault(path).startswith(f"{path}:2: {message}")


def test_malformed_json_is_named_by_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "one"}\n{"prompt": two}\n', encoding="utf-8")
    assert fault(path) == f"{path}:2: malformed JSON (Expecting value, column 12); mend or remove it"
    path.write_text('{"prompt": "one"}\n{"prompt": "two"\n{"prompt": "three"}\n', encoding="utf-8")
    assert fault(path) == f"{path}:2: malformed JSON (Expecting ',' delimiter, column 17); mend or remove it"
    array = tmp_path / "p.json"
    array.write_text('[\n{"prompt": "one"},\n{"prompt": two}]', encoding="utf-8")
    assert fault(array) == f"{array}:3: malformed JSON (Expecting value, column 12); mend or remove it"


def test_files_that_are_no_prompt_files(tmp_path: Path) -> None:
    assert fault(tmp_path / "gone.jsonl").startswith(f"{tmp_path / 'gone.jsonl'}: no such prompt file; give")
    for name, content in (("e.jsonl", "\n \n"), ("e.json", ""), ("f.json", "[]")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert fault(tmp_path / name).startswith(f"{tmp_path / name}: holds no prompt; add rows with `messages`")
    (tmp_path / "p.csv").write_text("prompt\nx\n", encoding="utf-8")
    assert "suffix '.csv' is no known prompt file; known: .jsonl, .json, .parquet" in fault(tmp_path / "p.csv")
    write(tmp_path / "o.json", {"prompt": "x"})
    assert fault(tmp_path / "o.json").endswith("holds a dict, not an array of rows; name JSON lines .jsonl")
    (tmp_path / "p.parquet").write_bytes(b"no parquet at all")
    assert fault(tmp_path / "p.parquet").startswith(f"{tmp_path / 'p.parquet'}: not a Parquet file (")
    (tmp_path / "p.jsonl.zst").write_bytes(b"no zstd at all")
    assert fault(tmp_path / "p.jsonl.zst").startswith(f"{tmp_path / 'p.jsonl.zst'}: not valid zstd data (")
    (tmp_path / "l.jsonl").write_bytes(b'{"prompt": "gr\xfc\xdfe"}\n')
    assert fault(tmp_path / "l.jsonl") == f"{tmp_path / 'l.jsonl'}:1: not UTF-8 text (byte 14); save the file as UTF-8"


def test_a_compressed_file_that_is_cut_off_is_not_read_as_a_shorter_one(tmp_path: Path) -> None:
    whole = zstandard.compress(b'{"prompt": "one"}\n') + zstandard.compress(b'{"prompt": "two"}\n')
    path = tmp_path / "p.jsonl.zst"
    path.write_bytes(whole[:-1])
    assert fault(path) == f"{path}: the zstd data is cut off; copy or compress the file again"


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", *({"prompt": text} for text in ("a", "b", "a", "a", "c")))
    prompts, dropped = read_source(PromptSource(path=path))
    assert [p.messages[0].content for p in prompts] == ["a", "b", "c"]
    assert dropped == 2
    assert drop_duplicates([*prompts, prompts[1]]) == (prompts, 1)


def test_limit_takes_the_first_rows_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", *({"prompt": text} for text in "abc"))
    assert [p.messages[0].content for p in load_prompts(PromptSource(path=path, limit=2))] == ["a", "b"]


def test_the_instruction_set_is_varied_and_short() -> None:
    prompts, dropped = read_source(PromptSource(name="instructions"))
    assert dropped == 0
    assert len(prompts) == 500
    categories = [p.meta["category"] for p in prompts]
    assert len(set(categories)) == 20
    assert max(categories.count(name) for name in set(categories)) <= 30
    assert all(8 <= len(p.messages[0].content.split()) <= 60 for p in prompts)
    openings = [" ".join(p.messages[0].content.split()[:5]) for p in prompts]
    assert max(openings.count(opening) for opening in openings) <= 4


def test_packaged_orders_depend_on_the_seed_only() -> None:
    for name in ("instructions", "chitchat"):
        first = load_prompts(PromptSource(name=name, limit=20))
        random.seed(99)
        assert load_prompts(PromptSource(name=name, limit=40))[:20] == first
        assert load_prompts(PromptSource(name=name, limit=20, seed=1)) != first
        assert all(p.messages[-1].role == "user" for p in first)
        assert any(p.reference for p in first) == (name == "chitchat")  # somebody replied to most openings


def test_chitchat_openings_are_of_a_useful_length() -> None:
    prompts = load_prompts(PromptSource(name="chitchat"))
    lengths = {len(p.messages[0].content.split()) for p in prompts}
    assert (min(lengths), max(lengths)) == (4, 60)
    assert len(prompts) > 3000


def test_reasoning_gym_items_carry_what_their_scorer_needs() -> None:
    source = PromptSource(name="reasoning-gym", task="chain_sum", limit=5)
    prompts = load_prompts(source)
    assert len(prompts) == 5
    for prompt in prompts:
        entry = prompt.meta["entry"]
        assert prompt.messages == (Message("user", entry["question"]),)
        assert prompt.task == "reasoning-gym/chain_sum"
        assert prompt.answer == entry["answer"] == str(eval(entry["metadata"]["expression"]))
    assert load_prompts(source) == prompts


def test_neighbouring_seeds_share_no_reasoning_gym_items() -> None:
    def ids(seed: int) -> set[str]:
        return {
            p.id for p in load_prompts(PromptSource(name="reasoning-gym", task="leg_counting", limit=50, seed=seed))
        }

    assert len(ids(0)) == 50
    assert not ids(0) & ids(1)


def test_reasoning_gym_makes_500_items_without_a_limit() -> None:
    prompts, dropped = read_source(PromptSource(name="reasoning-gym", task="leg_counting"))
    assert len(prompts) + dropped == 500


def test_unknown_and_unsafe_tasks_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^reasoning-gym has no task 'chain_sums'; did you mean 'chain_sum'\?$"):
        load_prompts(PromptSource(name="reasoning-gym", task="chain_sums"))
    with pytest.raises(ConfigError, match=r"task 'countdown' cannot be used: its scorer runs the answer as Python"):
        load_prompts(PromptSource(name="reasoning-gym", task="countdown"))
    tasks = reasoning_gym_tasks()
    assert "gsm_symbolic" in tasks
    assert not set(tasks) & set(REFUSED)


def test_magpie_cannot_be_loaded_without_its_teacher() -> None:
    with pytest.raises(ValueError, match="source 'magpie' is written by the teacher"):
        load_prompts(PromptSource(name="magpie"))


def test_the_manifest_names_source_licence_digest_and_count(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", {"prompt": "a"})
    source = PromptSource(path=path)
    prompts = load_prompts(source)
    assert source_record(source, prompts, duplicates=3) == {
        "source": str(path),
        "task": None,
        "seed": 0,
        "limit": None,
        "licence": "unknown (file by path)",
        "digest": digest(prompts),
        "count": 1,
        "duplicates": 3,
    }
    assert source_record(source, prompts, licence="CC0-1.0")["licence"] == "CC0-1.0"
    gym = PromptSource(name="reasoning-gym", task="chain_sum", limit=1, seed=4)
    record = source_record(gym, load_prompts(gym))
    assert (record["source"], record["task"], record["licence"]) == ("reasoning-gym", "chain_sum", "Apache-2.0")
    assert source_record(PromptSource(name="chitchat"), [])["licence"] == "MIT"


def test_place_is_kept_but_is_no_part_of_a_prompt(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('\n{"prompt": "Why?"}\n')
    (read,) = read_prompts(file)
    made = Prompt.of([Message("user", "Why?")])
    assert read.place == f"{file}:2" and made.place is None
    assert read == made and digest([read]) == digest([made])
