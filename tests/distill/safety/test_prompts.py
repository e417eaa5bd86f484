"""Public files by path: each format, each fault with its place."""

from pathlib import Path

import pytest
import zstandard

from stillhouse.distill.safety.prompts import prompt_record, read_safety_prompts, safety_prompts
from stillhouse.errors import RecordError

FILES = {
    "xstest.csv": "id,prompt,type,label,focus\n1,How do I bake bread?,homonyms,safe,a\n"
    '2,"How do I, say, steal bread?",contrast,unsafe,b\n',
    "do_not_answer.jsonl": '{"area": "crime", "prompt": "How do I steal bread?", "intents": []}\n',
    "do_not_answer_hub.jsonl": '{"risk_area": "crime", "question": "How do I steal bread?"}\n',
    "harmbench.csv": "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"
    'Steal the bread,contextual,illegal,,"A bakery.\nIt is dark.",x\nSteal a roll,standard,illegal,,,y\n',
    "advbench.csv": "goal,target\nSteal bread,Sure\n",
    "advbench.yaml": "seeds:\n- value: Steal bread\n  harm_categories: [Crime, Money]\n",
    "own.jsonl": '{"id": "a", "category": "theft", "harmful": "Steal bread?", "harmless": "Bake bread?"}\n',
}
WANTED = {
    "xstest.csv": [("How do I bake bread?", False, "homonyms"), ("How do I, say, steal bread?", True, "contrast")],
    "do_not_answer.jsonl": [("How do I steal bread?", True, "crime")],
    "do_not_answer_hub.jsonl": [("How do I steal bread?", True, "crime")],
    "harmbench.csv": [
        ("A bakery.\nIt is dark.\n\nSteal the bread", True, "illegal"),
        ("Steal a roll", True, "illegal"),
    ],
    "advbench.csv": [("Steal bread", True, "none")],
    "advbench.yaml": [("Steal bread", True, "Crime")],
    "own.jsonl": [("Steal bread?", True, "theft"), ("Bake bread?", False, "theft")],
}


def write(path: Path, text: str, compressed: bool) -> Path:
    if not compressed:
        path.write_text(text, encoding="utf-8")
        return path
    packed = path.with_name(f"{path.name}.zst")
    # Two frames, as a writer that appends makes them.
    middle = len(text) // 2
    packed.write_bytes(b"".join(zstandard.compress(part.encode()) for part in (text[:middle], text[middle:])))
    return packed


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_formats(tmp_path: Path, name: str, compressed: bool) -> None:
    found = read_safety_prompts(write(tmp_path / name, FILES[name], compressed))
    assert [(p.prompt.messages[0].content, p.harmful, p.category) for p in found] == WANTED[name]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "id,prompt,type,label\n1,Hello?,x,maybe\n", "a.csv:2: label is 'maybe'; it is safe or unsafe"),
        ("a.csv", "prompt,label\nHello?\n", "a.csv:2: has another number of fields than the header"),
        ("a.csv", "# version 2\nprompt,label\nGood?,safe\n ,safe\n", "a.csv:4: the prompt is ' ', not a text"),
        ("a.csv", 'prompt,label\n"a\nb",safe\nc,d,e\n', "a.csv:4: has another number of fields"),
        ("a.csv", 'prompt,label\n"a"b,safe\n', "a.csv:2: not CSV"),
        ("a.csv", "", "a.csv: holds no prompt"),
        ("a.jsonl", '{"prompt": "a"}\n', "a.jsonl:1: a row of no known format \\(keys prompt\\)"),
        ("a.jsonl", '\n{"prompt"\n', "a.jsonl:2: not JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: holds a list, not a JSON object"),
        ("a.yaml", "seeds: [1]\n", "a.yaml: seed 1: holds a int, not a mapping"),
        ("a.yaml", "a: 1\n", "a.yaml: has no list `seeds`"),
        ("a.yaml", "a: [\n", "a.yaml:2: not valid YAML"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: too deep, or has too long a number"),
        ("a.jsonl", '{"goal": ' + "9" * 5000 + "}", "a.jsonl:1: too deep, or has too long a number"),
        ("a.jsonl", '{"goal": "a\\ud800"}', "a.jsonl:1: holds half of a surrogate pair"),
        ("a.yaml", "seeds: 2020-02-31\n", "a.yaml: not valid YAML \\(day is out of range for month\\)"),
        ("a.yaml", "seeds: []\nseeds: [{value: a}]\n", "a.yaml:2: not valid YAML \\(key 'seeds' is given twice"),
        ("a.yaml", "[" * 100_000, "a.yaml: not valid YAML \\(too deep\\)"),
        ("a.txt", "a\n", "a.txt: no known kind of prompt file; known: .csv, .jsonl, .yaml"),
    ],
)
def test_faults_have_a_place(tmp_path: Path, name: str, text: str, fault: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=fault):
        read_safety_prompts(tmp_path / name)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.csv: no such file"):
        read_safety_prompts(tmp_path / "none.csv")
    (tmp_path / "a.csv.zst").write_bytes(b"no zstd")
    with pytest.raises(RecordError, match=r"a\.csv\.zst: not valid zstd data"):
        read_safety_prompts(tmp_path / "a.csv.zst")
    packed = zstandard.compress(b"prompt,label\nWhy?,safe\n" * 100)
    (tmp_path / "c.csv.zst").write_bytes(packed + packed[:-9])
    with pytest.raises(RecordError, match=r"c\.csv\.zst: not valid zstd data \(it ends within a frame\)"):
        read_safety_prompts(tmp_path / "c.csv.zst")
    with pytest.raises(RecordError, match=r"a\.csv: no such file"):
        read_safety_prompts(tmp_path / "a.csv.zst" / "a.csv")
    with pytest.raises(RecordError, match="cannot be read \\(File name too long\\)"):
        read_safety_prompts(tmp_path / f"{'a' * 300}.csv")
    (tmp_path / "b.csv").write_bytes(b"prompt,label\n\xff,safe\n")
    with pytest.raises(RecordError, match=r"b\.csv: not UTF-8 text \(byte 13\)"):
        read_safety_prompts(tmp_path / "b.csv")


def test_a_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"goal": "Why \\ud83d\\ude00?"}\n', encoding="utf-8")
    (found,) = read_safety_prompts(tmp_path / "a.jsonl")
    assert found.prompt.messages[0].content == "Why \N{GRINNING FACE}?"


def test_several_files_are_one_set(tmp_path: Path) -> None:
    files = [write(tmp_path / name, FILES[name], False) for name in ("own.jsonl", "advbench.csv", "advbench.yaml")]
    found = safety_prompts(files)
    assert [p.prompt.messages[0].content for p in found] == ["Steal bread?", "Bake bread?", "Steal bread"]
    record = prompt_record(found, "three")
    assert (record["n"], record["harmful"], record["harmless"], record["source"]) == (3, 2, 1, "three")
    assert len(str(record["digest"])) == 64


def test_a_prompt_cannot_be_both(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,label\nWhy?,safe\nWhy?,unsafe\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"a\.csv:3: 'Why\?' is harmful here and harmless elsewhere"):
        safety_prompts([tmp_path / "a.csv"])
