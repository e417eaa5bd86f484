"""Reading a run folder, whole or not."""

import json
from pathlib import Path

import pytest

from stillhouse.distill.evidence import read_evidence
from stillhouse.errors import RecordError, RunFolderError
from tests.distill.example_run import as_lines, steps, write_example_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_example_run(tmp_path / "run")


def test_whole_run(run: Path) -> None:
    evidence = read_evidence(run)
    assert (evidence.done, evidence.planned, evidence.torn) == (120, 120, False)
    assert len(evidence.samples) == 2
    assert evidence.safety is None


def test_torn_last_line_is_left_out_and_told(run: Path) -> None:
    (run / "metrics.jsonl").write_bytes(as_lines(steps(57)).encode() + b'{"step": 58, "note": "\xc3')
    evidence = read_evidence(run)
    assert (evidence.done, evidence.torn) == (57, True)


def test_malformed_line_is_named(run: Path) -> None:
    (run / "metrics.jsonl").write_text(as_lines(steps(2)) + '{"step": 3,}\n', encoding="utf-8")
    with pytest.raises(RecordError, match=r"metrics\.jsonl:3: not valid JSON"):
        read_evidence(run)


def test_line_that_is_no_object_is_named(run: Path) -> None:
    (run / "samples.jsonl").write_text("{}\n[1]\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"samples\.jsonl:2: holds a list"):
        read_evidence(run)


def test_fault_inside_a_json_file_has_its_own_line(run: Path) -> None:
    (run / "evaluation.json").write_text('{\n "teacher": {},\n oops\n}', encoding="utf-8")
    with pytest.raises(RecordError, match=r"evaluation\.json:3: not valid JSON"):
        read_evidence(run)


def test_folder_that_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "resolved.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"no manifest\.json in it; give the folder of"):
        read_evidence(tmp_path)


def test_young_run_has_nothing_measured(run: Path) -> None:
    for name in ("metrics.jsonl", "evaluation.json", "samples.jsonl"):
        (run / name).unlink()
    (run / "safety.json").write_text(json.dumps({"refusals": 1}), encoding="utf-8")
    evidence = read_evidence(run)
    assert (evidence.done, evidence.planned) == (0, None)
    assert (evidence.evaluation, evidence.samples, evidence.safety) == ({}, [], {"refusals": 1})
