"""Our own instructions, and IFEval's format by path."""

import json
from collections import Counter
from pathlib import Path

import pytest

from stillhouse.distill.following import INSTRUCTIONS, following_prompts, read_following
from stillhouse.errors import RecordError


def test_own_set_has_every_kind() -> None:
    prompts = following_prompts()
    assert len(prompts) >= 60 == len({p.prompt.id for p in prompts[:60]})
    kinds = Counter(name for p in prompts for name, _ in p.instructions)
    assert set(kinds) == set(INSTRUCTIONS)


def test_file(tmp_path: Path) -> None:
    row = {
        "key": 1000,
        "prompt": "Say why. No commas.",
        "instruction_id_list": ["punctuation:no_comma", "keywords:existence"],
        "kwargs": [{}, {"keywords": ["why"], "num_words": None}],
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (found,) = read_following(path)
    assert found.prompt.messages[0].content == "Say why. No commas." and found.prompt.place == f"{path}:1"
    assert found.instructions == (("punctuation:no_comma", {}), ("keywords:existence", {"keywords": ["why"]}))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"prompt": " "}, "a.jsonl:1: needs `prompt`, `instruction_id_list` and as many `kwargs`"),
        ({"kwargs": []}, "a.jsonl:1: needs"),
        ({"kwargs": [3]}, "a.jsonl:1: needs"),
        ({"instruction_id_list": ["a:b"]}, "a.jsonl:1: instruction 'a:b' is unknown; known: change_case:"),
        ({"instruction_id_list": ["startend:end_checker"]}, "a.jsonl:1: wrong arguments of 'startend:end_checker'"),
        (
            {"instruction_id_list": ["detectable_format:number_bullet_lists"], "kwargs": [{"num_bullets": "3"}]},
            "a.jsonl:1: wrong arguments of .* \\(num_bullets is '3', not a whole number\\)",
        ),
        (
            {"instruction_id_list": ["keywords:existence"], "kwargs": [{"keywords": "why"}]},
            "keywords is 'why', not a list of texts",
        ),
        (
            {
                "instruction_id_list": ["length_constraints:number_words"],
                "kwargs": [{"relation": "about", "num_words": 3}],
            },
            "relation is 'about'",
        ),
    ],
)
def test_faults_have_a_place(tmp_path: Path, change: dict[str, object], fault: str) -> None:
    row = {"prompt": "a", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}], **change}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(RecordError, match=fault):
        read_following(tmp_path / "a.jsonl")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(RecordError, match=r"a\.jsonl: holds no prompt"):
        read_following(tmp_path / "a.jsonl")
