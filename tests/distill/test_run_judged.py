"""Whole runs that learn from a judge over real HTTP: what they learn, what they keep, and how they stop."""

import io
import itertools
import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml
from rich.console import Console

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import text_of
from stillhouse.distill.grade import grade_run
from stillhouse.distill.grade_settings import GradeSettings
from stillhouse.distill.grades import GradeBook
from stillhouse.distill.judging import Judging, spent_on_calls
from stillhouse.distill.run import distill
from stillhouse.distill.store import RolloutStore
from stillhouse.errors import BudgetError, ConfigError, EndpointError, JudgeError
from stillhouse.models.local import load_tokenizer
from tests.command import Command
from tests.distill.judges.readers import longest
from tests.distill.test_run import train
from tests.judge_server import JudgeServer, judge_server, served
from tests.tiny import Pair, rows, run_settings, write_prompts, write_yaml

RANKING: dict[str, Any] = {"kind": "ranking"}


def shortest(text: str, position: int, chance: float) -> float:
    return -len(text)


def judged(pair: Pair, judge: JudgeServer, learn: str = "policy_gradient", **changes: Any) -> dict[str, Any]:
    grader = {"kind": "judge", "method": RANKING, "learn": {"kind": learn}}
    return run_settings(
        pair, **{"teacher": served(judge.url), "grader": grader, "rollout__answers": 4, "batch": 8, **changes}
    )


@pytest.mark.parametrize("learn", ["policy_gradient", "best_of_n", "dpo"])
def test_student_learns_what_the_judge_prefers(pair: Pair, tmp_path: Path, learn: str) -> None:
    """A judge of short answers makes them shorter, with every objective; the teacher is here by its words alone."""
    out = tmp_path / "run"
    with judge_server(shortest) as judge:
        settings = judged(pair, judge, learn, steps=24, evaluation__held_out=12, optimizer__lr=0.01)
        train(out, settings)
    lines = rows(out / "metrics.jsonl")
    assert all(line["missing_ratio"] == 0 and 0 <= line["score"] <= 1 for line in lines)
    tokenizer, store = load_tokenizer(str(pair.student)), RolloutStore(out / "rollouts")
    letters = [fmean(len(text_of(tokenizer, a.tokens)) for a in store.read(phase) or []) for phase in store.phases()]
    assert fmean(letters[-2:]) < 0.9 * fmean(letters[:2])
    evaluation = json.loads((out / "evaluation.json").read_text())
    won = evaluation["after"]["judged_win_rate"]
    assert won["value"] > 0.5 and won["n"] == 12
    for who in ("teacher", "before", "after"):
        assert {evaluation[who][key]["value"] for key in ("kl_to_teacher", "on_policy_kl", "top1_agreement")} == {None}
    kept = json.loads((out / "judge.json").read_text())
    measured = {row["name"]: row for row in kept["reliability"]}
    assert measured["missing"]["value"] == 0 and measured["length bias"]["value"] < -0.9
    manifest = json.loads((out / "manifest.json").read_text())
    calls = [line for line in rows(out / "calls" / "teacher.jsonl")]
    assert len(calls) == judge.calls and manifest["api_cost"]["value"] == sum(call["cost_usd"] for call in calls) > 0
    assert manifest["api_cost"]["value"] == pytest.approx(judge.calls * (100 * 1.0 + 10 * 2.0) / 1e6)
    assert manifest["tokens"]["judge"] == 110 * judge.calls and "list of 3" in manifest["judge_prompts"]
    assert manifest["teacher"]["weights_digest"] is None and manifest["teacher"]["endpoint"] == judge.url
    assert "The judge" in (out / "report.html").read_text() and judge.url in (out / "student" / "README.md").read_text()


def test_judge_and_probability_grade_the_same_answers(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    parts = {
        "words": {"weight": 0.5, "grader": {"kind": "judge", "by": "voice", "method": RANKING}},
        "numbers": {"weight": 1.0, "grader": {"kind": "divergence"}},
    }
    with judge_server(longest) as judge:
        settings = judged(pair, judge, grader={"kind": "mix", "parts": parts}, steps=4)
        settings |= {"teacher": run_settings(pair)["teacher"], "teachers": {"voice": served(judge.url)}}
        train(out, settings)
    line = rows(out / "metrics.jsonl")[0]
    assert line["loss"] == pytest.approx(0.5 * line["loss/words"] + line["loss/numbers"], rel=1e-6)
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["after"]["kl_to_teacher"]["value"] > 0 and "judged_win_rate" in evaluation["after"]
    assert json.loads((out / "manifest.json").read_text())["teachers"]["voice"]["endpoint"] == judge.url


def test_stopped_by_its_budget_it_goes_on_with_a_higher_one_and_pays_nothing_twice(pair: Pair, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    with judge_server(longest) as judge:
        train(whole, judged(pair, judge, steps=6))
        of_whole = judge.calls
    with judge_server(longest) as judge:
        few = served(judge.url, budget={"tokens": 3_500})
        with pytest.raises(BudgetError, match=r"of budget\.tokens 3,500"):
            train(out, judged(pair, judge, teacher=few, steps=6))
        assert 0 < spent_on_calls(out).tokens <= 3_500 and len(rows(out / "metrics.jsonl")) >= 3
        train(out, judged(pair, judge, teacher=served(judge.url, budget={"tokens": 10**6}), steps=6), resume=True)
        assert judge.calls == of_whole + 1  # the short call with which the second part begins
    assert (out / "student" / "model.safetensors").read_bytes() == (
        whole / "student" / "model.safetensors"
    ).read_bytes()
    assert GradeBook(out, "teacher").rows() == GradeBook(whole, "teacher").rows()


def test_resumed_with_another_cap_it_keeps_that_cap_and_the_command_that_began_it(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def go(cap: int, command: list[str], *, resume: bool) -> None:
        settings = judged(pair, judge, steps=2)
        settings["grader"] |= {"method": {**RANKING, "max_tokens": cap}}
        told, console = DistillSettings.model_validate(settings), Console(file=io.StringIO())
        distill(told, out, resume=resume, console=console, command=command)

    with judge_server(longest) as judge:
        judge.last = 9
        with pytest.raises(EndpointError):
            go(64, ["stillhouse", "began", "--resume"], resume=True)
        assert yaml.safe_load((out / "resolved.yaml").read_text())["grader"]["method"]["max_tokens"] == 64
        judge.last = 10**9
        go(512, ["stillhouse", "went", "on", "--resume"], resume=True)
    assert yaml.safe_load((out / "resolved.yaml").read_text())["grader"]["method"]["max_tokens"] == 512
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["command"] == ["stillhouse", "began"] and manifest["grader"]["method"]["max_tokens"] == 512
    assert "```\nstillhouse began\n```" in (out / "student" / "README.md").read_text()


@pytest.mark.parametrize(("ahead", "calls"), [(1, [4, 4, 4]), (3, [12, 0, 0])])
def test_waiting_for_the_judge_is_the_judge_s_time(pair: Pair, tmp_path: Path, ahead: int, calls: list[int]) -> None:
    """By a clock on which a call takes a second and all else next to nothing.

    A step has two prompts with four answers each, a list that is shown in two orders; a phase is judged at once.
    """
    out, ticks = tmp_path / "run", itertools.count()
    with judge_server(longest) as judge:
        settings = DistillSettings.model_validate(judged(pair, judge, steps=3, rollout__steps_ahead=ahead))

        def clock() -> float:
            return judge.calls + 1e-7 * next(ticks)

        distill(settings, out, resume=False, console=Console(file=io.StringIO()), command=[], clock=clock)
    seconds = [line["seconds"] for line in rows(out / "metrics.jsonl")]
    assert [line["judge"] for line in seconds] == pytest.approx(calls, abs=0.01)
    assert all(line[part] < 0.01 for line in seconds for part in line if part != "judge")


def test_judge_of_a_finished_run_is_not_asked_again(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judge_server(longest) as judge:
        train(out, judged(pair, judge, steps=2))
        calls = judge.calls
        train(out, judged(pair, judge, steps=2), resume=True)
        assert judge.calls == calls == spent_on_calls(out).calls


def test_endpoint_that_goes_away_loses_nothing(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judge_server(longest) as judge:
        judge.last = 9
        with pytest.raises(EndpointError, match="404"):
            train(out, judged(pair, judge))
        graded = len(GradeBook(out, "teacher").rows())
        judge.last = 10**9
        train(out, judged(pair, judge), resume=True)
    assert 0 < graded < len(GradeBook(out, "teacher").rows())


def test_wrong_key_is_one_line_and_one_call(command: Command, pair: Pair, tmp_path: Path) -> None:
    with judge_server(longest) as judge:
        judge.key = "right"
        settings = judged(pair, judge, teacher=served(judge.url, key_env="PATH"))
        result = command(
            "distill", "run", write_yaml(tmp_path / "c.yaml", settings), "--out", tmp_path / "run", "--quiet"
        )
    assert result.code == 2 and result.err.count("\n") == 1
    assert "401" in result.err and "PATH" in result.err and judge.calls == 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("batch", [4, 8])
def test_judge_that_always_talks_ends_the_run_and_may_be_mended(pair: Pair, tmp_path: Path, batch: int) -> None:
    """With four answers a step it takes two steps to know; what could not be read is asked again on resume."""
    out = tmp_path / "run"
    changes: dict[str, Any] = {"batch": batch, "rollout__steps_ahead": 1, "steps": 6}
    with judge_server(longest) as judge:
        judge.prose = True
        with pytest.raises(EndpointError, match=r"no readable judgement for \d+ of \d+ answers.*Well, both have merit"):
            train(out, judged(pair, judge, **changes))
        judge.prose = False
        mended = judged(pair, judge, **changes)
        mended["grader"] |= {"method": {**RANKING, "max_tokens": 512}}
        train(out, mended, resume=True)
    assert all(line["missing_ratio"] == 0 for line in rows(out / "metrics.jsonl")[batch == 4 :])


def test_dpo_with_dropout_resumes_with_the_same_bytes(pair: Pair, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    with judge_server(longest) as judge:
        settings = judged(pair, judge, "dpo", lora={"r": 2, "alpha": 4, "dropout": 0.3}, steps=6)
        train(whole, settings)
        judge.last = judge.calls + 20
        with pytest.raises(EndpointError):
            train(out, settings)
        judge.last = 10**9
        train(out, settings, resume=True)
    one, two = ((run / "student" / "model.safetensors").read_bytes() for run in (whole, out))
    assert one == two


def test_grades_of_another_judge_are_not_taken_for_its_own(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judge_server(longest) as judge, judge_server(shortest) as other:
        train(out, judged(pair, judge, steps=2))
        settings = GradeSettings.model_validate({"name": "teacher", "teacher": served(other.url), "method": RANKING})
        with pytest.raises(ConfigError, match=r"'teacher' were given by another grader .* another name"):
            grade_run(out, settings)
        assert other.calls == 0


def test_checkable_faults_are_found_before_anything_is_made(pair: Pair, tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path / "open.jsonl", given=False)
    with judge_server(longest) as judge:
        settings = judged(pair, judge, prompts=[{"path": str(prompts)}])
        settings["grader"] |= {"method": {"kind": "reference"}}
        with pytest.raises(ConfigError, match=r"open\.jsonl:1: prompt .* has neither a reference nor an answer"):
            train(tmp_path / "run", settings)
        assert judge.calls == 0 and not (tmp_path / "run").exists()


def test_answers_to_one_prompt_stand_together(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judge_server(longest) as judge:
        train(out, judged(pair, judge, steps=2))
    answers = RolloutStore(out / "rollouts").read(0)
    assert answers is not None and len(answers) == 16
    groups = [answers[start : start + 4] for start in range(0, 16, 4)]
    assert all(len({answer.prompt_id for answer in group}) == 1 for group in groups)
    assert len({group[0].prompt_id for group in groups}) == 4
    assert len({answer.tokens for answer in answers}) > 12


def first_shown(text: str, position: int, chance: float) -> float:
    return -position


def test_judge_that_goes_by_place_teaches_nothing_and_the_run_says_so(
    command: Command, pair: Pair, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with judge_server(first_shown) as judge:
        config = write_yaml(tmp_path / "config.yaml", judged(pair, judge, steps=2))
        done = command("distill", "run", str(config), "--out", str(out))
    assert [line["tied_ratio"] for line in rows(out / "metrics.jsonl")] == [1.0, 1.0]
    assert done.code == 0 and " ".join(done.err.split()).count("gave all answers to each prompt the same score") == 1


def test_a_comparison_that_cannot_be_read_is_left_out_and_the_run_ends(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talks(*_: object) -> None:
        raise JudgeError("judge gave no readable judgement")

    monkeypatch.setattr(Judging, "win_rate", talks)
    out = tmp_path / "run"
    with judge_server(longest) as judge:
        train(out, judged(pair, judge, steps=2))
    assert "judged_win_rate" not in json.loads((out / "evaluation.json").read_text())["after"]
    found = json.loads((out / "judge.json").read_text())
    assert found["win_rate"] == {"value": None, "why": "judge gave no readable judgement"} and found["reliability"]
    assert json.loads((out / "manifest.json").read_text())["finished"] and (out / "student" / "README.md").is_file()
