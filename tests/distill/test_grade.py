"""Grades added later: by a judge and by probability, over the same answers, with nothing generated again."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from stillhouse.distill.grade import grade_run
from stillhouse.distill.grade_settings import settings_with
from stillhouse.distill.grades import GradeBook, GroupGrades, group_id
from stillhouse.distill.log_likelihood import log_likelihoods
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import own_vocabulary
from stillhouse.distill.store import RolloutStore
from stillhouse.errors import ConfigError, EndpointError, RecordError, RunFolderError
from stillhouse.models.local import load_model, load_tokenizer
from tests.command import Command
from tests.distill.judges.readers import longest
from tests.distill.test_run import train
from tests.judge_server import judge_server, served
from tests.tiny import Pair, run_settings, write_yaml


@pytest.fixture(scope="module")
def finished(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with four answers to each prompt, graded by the divergence."""
    out = tmp_path_factory.mktemp("graded") / "run"
    train(out, run_settings(pair, steps=4, rollout__answers=4, batch=8))
    return out


def config(folder: Path, **settings: Any) -> str:
    return str(write_yaml(folder / "grader.yaml", settings))


def test_probability_grades_are_the_teachers_mean_log_probability(finished: Path, pair: Pair) -> None:
    found = grade_run(finished, settings_with(finished, "teacher"))
    assert (found["name"], found["groups"], found["answers"], found["missing"]) == ("teacher-probability", 8, 32, 0)
    answers = RolloutStore(finished / "rollouts").read(0)
    assert answers is not None
    network = Network(load_model(str(pair.teacher)), own_vocabulary(load_tokenizer(str(pair.teacher))))
    sums = log_likelihoods(network, answers[:4], temperature=1.0, batch=1, chunk=7)
    grades = GradeBook(finished, "teacher-probability").of(answers[:4])
    assert grades is not None
    assert grades.scores == pytest.approx([s / len(a.tokens) for s, a in zip(sums, answers, strict=False)], abs=1e-5)
    detail = grades.details[0]
    assert math.fsum(detail["logprobs"]) == pytest.approx(sums[0], abs=1e-4)
    assert detail["log_ratio"] == pytest.approx((sums[0] - sum(answers[0].logprobs)) / len(answers[0].tokens), abs=1e-5)


def test_judged_later_compared_and_never_asked_twice(finished: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (finished / "rollouts").iterdir()}
    grade_run(finished, settings_with(finished, "teacher"))
    with judge_server(longest) as judge:
        settings = settings_with(
            finished, config(tmp_path, name="long", teacher=served(judge.url), method={"kind": "ranking"})
        )
        found = grade_run(finished, settings)
        calls = judge.calls
        assert grade_run(finished, settings) == found and judge.calls == calls > 0
    assert {row["name"]: row for row in found["reliability"]}["length bias"]["value"] > 0.9
    agreement = found["agreement"]["teacher-probability"]
    assert -1 <= agreement["low"] <= agreement["value"] <= agreement["high"] <= 1 and agreement["n"] == 8
    assert {path: path.read_bytes() for path in (finished / "rollouts").iterdir()} == before


def test_command_prints_a_table_or_json(command: Command, finished: Path, pair: Pair, tmp_path: Path) -> None:
    other = config(tmp_path, name="small", teacher={"model": str(pair.student), "permission": "made by this test"})
    found = json.loads(command("distill", "grade", finished, "--with", other, "--json").out)
    assert found["name"] == "small" and found["missing"] == 0 and found["mean"] < 0
    shown = command("distill", "grade", finished, "--with", "teacher", "--quiet")
    assert shown.code == 0 and "rank correlation with small" in shown.out


def test_a_folder_that_was_trained_again_is_another_grader(finished: Path, pair: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pair.teacher, folder)
    named = config(tmp_path, name="again", teacher={"model": str(folder), "permission": "made by this test"})
    grade_run(finished, settings_with(finished, named), phases=1)
    shutil.copy(pair.student / "model.safetensors", folder)
    with pytest.raises(ConfigError, match=r"'again' were given by another grader \(model, weights, .* another name"):
        grade_run(finished, settings_with(finished, named))
    (finished / "grades" / "again.jsonl").unlink()


def test_what_cannot_be_graded_is_one_line(command: Command, finished: Path, pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this run has no judge; give --with a YAML file"):
        settings_with(finished, "judge")
    with pytest.raises(RunFolderError, match=r"no resolved\.yaml in it"):
        settings_with(tmp_path, "teacher")
    judge = config(tmp_path, name="j", teacher=served("http://127.0.0.1:9/v1"))
    with pytest.raises(EndpointError, match="gives no log-probabilities of a given text; set api to 'completions'"):
        grade_run(finished, settings_with(finished, judge))
    here = {"model": str(pair.teacher), "permission": "made by this test"}
    with pytest.raises(ConfigError, match="`method` ranking asks the teacher, which has no `endpoint`; add it"):
        grade_run(
            finished, settings_with(finished, config(tmp_path, name="j", teacher=here, method={"kind": "ranking"}))
        )
    assert command("distill", "grade", finished, "--with", tmp_path / "no.yaml").fault.startswith(
        f"{tmp_path}/no.yaml: no"
    )
    with pytest.raises(ConfigError, match=r"grades cannot be called '\.\./x'"):
        GradeBook(finished, "../x")


def test_book_keeps_whole_lines_and_names_damaged_ones(finished: Path, tmp_path: Path) -> None:
    answers = RolloutStore(finished / "rollouts").read(0)
    assert answers is not None
    book = GradeBook(tmp_path, "a")
    grades = GroupGrades((0.5, None), ({"x": 1}, {"missing": "cut off"}))
    book.add(answers[:2], grades)
    book.add(answers[:2], GroupGrades((0.1, 0.1), ({}, {})))
    with book.path.open("ab") as file:
        file.write(b'{"group": "torn')
    again = GradeBook(tmp_path, "a")
    assert again.rows() == {group_id(answers[:2]): grades} and again.of(answers[2:4]) is None
    again.add(answers[2:4], grades)
    assert len(GradeBook(tmp_path, "a").rows()) == 2 and GradeBook.names(tmp_path) == ["a"]
    book.path.write_bytes(b'{"group": "x"}\n')
    with pytest.raises(RecordError, match=r"a\.jsonl:1: not the grades of a group"):
        GradeBook(tmp_path, "a")
