"""A corpus from a folder: what is recognised, the packaged text for the rest, and faults with their place."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from stillhouse.errors import ConfigError, RecordError
from stillhouse.range.corpus import Corpus, folder_corpus
from tests.forbidden import as_nobody, open_folder

TRACE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.0000000,1,1\n"
    "2023-11-16 18:15:47.0000000,1,1\n2023-11-16 18:15:50.0000000,1,1\n"
)


def lines(*rows: Any) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_any_folder_will_do(tmp_path: Path, packaged: Corpus) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "asked.jsonl").write_bytes(lines({"prompt": "How?"}, {"odd": 1}))
    (tmp_path / "tasks.json").write_bytes(json.dumps([{"instruction": "Add.", "output": "3"}]).encode())
    (tmp_path / "roles.csv").write_text('act,prompt\nCook,"Act as\na cook."\n')
    (tmp_path / "texts.jsonl.zst").write_bytes(zstandard.compress(lines({"text": "long enough to be kept " * 10})))
    (tmp_path / "notes.txt").write_text("not read")
    corpus = folder_corpus(tmp_path)
    assert [talk.turns for talk in corpus.conversations] == [(("How?", ""),)]
    assert corpus.instructions[0].instruction == "Add." and corpus.roles == ("Act as\na cook.",)
    assert len(corpus.documents) == 1 and corpus.unknown_rows == 1
    assert corpus.sources["conversations"] == "sub/asked.jsonl" and corpus.sources["instructions"] == "tasks.json"
    # What the folder lacks is that of the packages, and the corpus says so.
    assert corpus.benchmarks == packaged.benchmarks and corpus.sources["benchmarks"] == packaged.sources["benchmarks"]
    assert corpus.agentic == packaged.agentic and corpus.sources["gaps"].startswith("model")
    assert corpus.licences["tasks.json"] == "unknown (file by path)" and "chitchat-dataset" not in corpus.licences


def test_a_collection_with_a_manifest_gives_prompts_usage_and_traces(tmp_path: Path) -> None:
    for name in ("prompts", "usage", "traces", "safety"):
        (tmp_path / name).mkdir()
    items = [{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(12)]
    (tmp_path / "prompts" / "gsm8k_test.jsonl").write_bytes(lines(*items))
    (tmp_path / "prompts" / "humaneval_164.jsonl").write_bytes(lines({"question": "def f():", "label": ""}))
    (tmp_path / "usage" / "talks.jsonl").write_bytes(lines({"turns": ["Hi?"], "judge": "arena_user_1"}))
    (tmp_path / "safety" / "bad.jsonl").write_bytes(lines({"prompt": "never read"}))
    (tmp_path / "traces" / "llm_code.csv").write_text(TRACE)
    (tmp_path / "MANIFEST.md").write_text(
        "| file | rows | origin | licence |\n|---|---|---|---|\n| usage/talks.jsonl | 1 | x | CC0 |\n"
    )
    corpus = folder_corpus(tmp_path)
    assert [talk.user for talk in corpus.conversations] == ["arena_user_1"]
    assert corpus.gaps == {"code": (0.5, 1.5)} and corpus.sources["gaps"] == "traces/llm_code.csv"
    assert corpus.sources["code_tasks"] == "prompts/humaneval_164.jsonl"
    assert corpus.code_tasks == ("def f():",) and set(corpus.benchmarks) == {"gsm8k", "humaneval"}
    assert corpus.licences["usage/talks.jsonl"] == "CC0"


def test_too_few_items_to_evaluate_with_are_joined_by_the_packaged_ones(tmp_path: Path, packaged: Corpus) -> None:
    (tmp_path / "quiz.jsonl").write_bytes(lines({"question": "Which?", "answer": "this"}))
    corpus = folder_corpus(tmp_path)
    assert set(corpus.benchmarks) == {"quiz", *packaged.benchmarks}
    assert corpus.sources["benchmarks"] == f"quiz.jsonl, {packaged.sources['benchmarks']}"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (
            "a.jsonl",
            b'{"prompt": "x"}\n{"prompt": ',
            "a.jsonl:2: not JSON (Expecting value, column 11); mend or remove the line",
        ),
        ("a.json", b"[1, 2", "a.json: not JSON"),
        ("a.jsonl", b'{"prompt": "\xff"}', "a.jsonl:1: not UTF-8 text (invalid start byte); mend or remove the line"),
        ("a.jsonl.zst", zstandard.compress(b'{"prompt": "x"}\n' * 99)[:-3], "the file ends inside a zstd frame"),
        ("a.csv", b"TIMESTAMP,ContextTokens\nnoon,1\n", "a.csv: TIMESTAMP 'noon' is no time"),
    ],
)
def test_a_broken_file_is_one_line_with_its_place(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordError) as raised:
        folder_corpus(tmp_path)
    assert fault in str(raised.value) and "\n" not in str(raised.value)


def test_a_table_without_times_has_no_arrivals(tmp_path: Path, packaged: Corpus) -> None:
    (tmp_path / "llm_code.csv").write_text("ContextTokens,GeneratedTokens\n1,1\n2,1\n")
    (tmp_path / "a.jsonl").write_bytes(lines({"prompt": "Hi"}))
    corpus = folder_corpus(tmp_path)
    assert corpus.gaps == packaged.gaps and corpus.unknown_rows == 2


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.json", "a.csv", "sub", "."])
def test_text_that_may_not_be_read_is_one_line(name: str) -> None:
    with open_folder() as folder:
        (folder / "sub").mkdir()
        for file in ("b.jsonl", "sub/c.jsonl"):
            (folder / file).write_bytes(lines({"prompt": f"Hi {file}"}))
        if name not in ("sub", "."):
            (folder / name).touch()
        (folder / name).chmod(0)
        with as_nobody(), pytest.raises(RecordError) as raised:
            folder_corpus(folder)
        (folder / name).chmod(0o700)
    assert str(raised.value) == (
        f"{folder / name}: cannot be read (Permission denied); give one that you may read, or let yourself read it"
    )


def test_a_manifest_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"prompt": "Hi"}))
    (tmp_path / "MANIFEST.md").write_bytes(b"| a.jsonl | 1 | x | \xff |\n")
    with pytest.raises(RecordError, match=r"MANIFEST.md: not UTF-8 text \(invalid start byte\); save"):
        folder_corpus(tmp_path)


def test_a_mark_in_front_of_the_text_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "Hi there"}\r\n{"prompt": "And?"}\r\n')
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbfact,prompt\r\nCook,Act.\r\n")
    corpus = folder_corpus(tmp_path)
    assert [talk.turns[0][0] for talk in corpus.conversations] == ["Hi there", "And?"]
    assert corpus.roles == ("Act.",)


def test_a_folder_with_nothing_in_it_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"label": 1}))
    with pytest.raises(ConfigError, match=r"no row of a known shape .*`messages`, `conversations`"):
        folder_corpus(tmp_path)
    with pytest.raises(ConfigError, match="no such corpus folder"):
        folder_corpus(tmp_path / "none")


def test_long_cells_are_read_and_the_limit_is_put_back(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    (tmp_path / "roles.csv").write_text(f'act,prompt\nLong,"{"x " * 100_000}"\n')
    assert len(folder_corpus(tmp_path).roles[0]) <= 1500
    assert csv.field_size_limit() == limit
