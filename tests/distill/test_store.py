"""The rollout store: what is written is read, names follow content, and altered answers are refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stillhouse.distill.rollout import Rollout
from stillhouse.distill.store import RolloutStore, rollout_id
from stillhouse.errors import RecordError

ANSWER = Rollout("p1", (1, 5, 6), (7, 8, 2), (-0.5, -1.25, -0.000001), "stop", "student")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = RolloutStore(tmp_path / "rollouts")
    answers = [
        ANSWER,
        replace(ANSWER, tokens=(), logprobs=(), finish_reason="length"),
        replace(ANSWER, source="teacher"),
    ]
    store.write(3, answers)
    store.write(0, [ANSWER])
    assert store.read(3) == answers
    assert store.read(1) is None
    assert sorted(p.name for p in store.folder.iterdir()) == ["phase-000000.jsonl", "phase-000003.jsonl"]


def test_name_follows_content() -> None:
    # sha256 of [[1,5,6],[7,8,2],"student"]
    assert rollout_id(ANSWER) == "611d0d2e8a5946d7"
    assert rollout_id(replace(ANSWER, tokens=(7, 8, 3))) != rollout_id(ANSWER)
    assert rollout_id(replace(ANSWER, source="teacher")) != rollout_id(ANSWER)
    assert rollout_id(replace(ANSWER, prompt_tokens=(1, 5), tokens=(6, 7, 8, 2))) != rollout_id(ANSWER)
    assert rollout_id(replace(ANSWER, logprobs=(0.0, 0.0, 0.0))) == rollout_id(ANSWER)


def test_altered_answer_is_refused(tmp_path: Path) -> None:
    store = RolloutStore(tmp_path)
    store.write(0, [ANSWER, ANSWER])
    path = store.path(0)
    first, second = path.read_text().splitlines()
    row = json.loads(second)
    path.write_text(first + "\n" + json.dumps({**row, "tokens": [7, 8, 9]}) + "\n")
    with pytest.raises(RecordError, match=rf"{path}:2: content does not match its id {row['id']}; remove the file"):
        store.read(0)
    path.write_text(first + "\n" + second[:-10] + "\n")
    with pytest.raises(RecordError, match=rf"{path}:2: not an answer of a rollout store \(.*; remove the file"):
        store.read(0)
