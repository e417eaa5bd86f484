"""Whole runs on tiny models: the folder that they leave, every way of grading, and every kind of student."""

import io
import json
import math
import random
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.outcome import Outcome
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.run import distill
from stillhouse.distill.store import RolloutStore
from stillhouse.errors import ConfigError, RecordError, RunFolderError, TrainingError
from stillhouse.models.local import weights_digest
from tests.tiny import Pair, rows, run_settings, write_prompts

METRIC = {"value", "low", "high", "n", "method"}


def train(out: Path, settings: dict[str, Any], *, resume: bool = False) -> Outcome:
    console = Console(file=io.StringIO())
    return distill(DistillSettings.model_validate(settings), out, resume=resume, console=console, command=["a", "test"])


@pytest.fixture(scope="module")
def finished(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 40 steps with the default grader."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train(out, run_settings(pair, steps=40))
    return out


def test_folder_holds_everything_that_the_format_names(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names >= {"resolved.yaml", "manifest.json", "metrics.jsonl", "rollouts", "checkpoints", "student"}
    assert names >= {"evaluation.json", "report.html", "samples.jsonl", "run.json"}
    assert not [name for name in names if name.startswith(".")]
    kept = yaml.safe_load((finished / "resolved.yaml").read_text())
    assert DistillSettings.model_validate(kept).steps == 40
    assert sorted(p.name for p in (finished / "checkpoints").iterdir()) == ["step-000039", "step-000040"]
    report = (finished / "report.html").read_text()
    assert "Share of the training time: rollout" in report and ", loss " in report and "var(--c-loss)" in report
    assert "made by this test" in (finished / "student" / "README.md").read_text()
    samples = rows(finished / "samples.jsonl")
    assert len(samples) == 2 and {"prompt", "teacher", "before", "after", "finish"} == set(samples[0])


def test_evaluation_has_every_measure_with_its_interval(finished: Path) -> None:
    found = json.loads((finished / "evaluation.json").read_text())
    assert set(found) == {"teacher", "before", "after"}
    for row in found.values():
        assert set(row) == {"kl_to_teacher", "on_policy_kl", "top1_agreement", "answer_length"}
        for metric in row.values():
            assert set(metric) == METRIC
            assert metric["low"] <= metric["value"] <= metric["high"] and metric["n"] == 8
    assert found["teacher"]["kl_to_teacher"]["value"] == 0 and found["teacher"]["top1_agreement"]["value"] == 1


def test_student_comes_nearer_to_its_teacher(finished: Path) -> None:
    found = json.loads((finished / "evaluation.json").read_text())
    for measure in ("kl_to_teacher", "on_policy_kl"):
        assert found["after"][measure]["high"] < 0.7 * found["before"][measure]["low"]
    metrics = rows(finished / "metrics.jsonl")
    assert sum(m["kl"] for m in metrics[-5:]) < 0.7 * sum(m["kl"] for m in metrics[:5])


def test_metrics_count_the_tokens_of_the_store(finished: Path) -> None:
    metrics = rows(finished / "metrics.jsonl")
    store = RolloutStore(finished / "rollouts")
    assert len(list(store.folder.iterdir())) == 20
    answers = [answer for phase in range(20) for answer in store.read(phase) or []]
    assert [m["step"] for m in metrics] == list(range(1, 41))
    total = 0
    for i, line in enumerate(metrics):
        mine = answers[4 * i : 4 * i + 4]
        total += sum(len(a.tokens) for a in mine)
        assert line["tokens"] == total
        assert line["answer_length"] == sum(len(a.tokens) for a in mine) / 4
        assert line["clipped_ratio"] == sum(a.finish_reason == "length" for a in mine) / 4
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["tokens"]["student"] == manifest["tokens"]["teacher"] == manifest["tokens"]["rollout"] == total


def test_manifest_answers_for_the_run(finished: Path, pair: Pair) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["teacher"]["permission"] == "made by this test"
    assert manifest["teacher"]["id"] == str(pair.teacher) and manifest["student"]["id"] == str(pair.student)
    assert manifest["teacher"]["weights_digest"] != manifest["student"]["weights_digest"]
    assert manifest["trained_weights_digest"] == weights_digest(finished / "student")
    assert manifest["computed"] == {"device": "cpu", "dtype": "float32", "threads": 1}
    assert manifest["prompts"][0]["source"] == str(pair.prompts) and manifest["prompts"][0]["count"] == 30
    assert manifest["command"] == ["a", "test"] and manifest["flops"]["total"] > 0
    assert manifest["started"] < manifest["finished"]


def test_student_loads_in_plain_transformers_and_answers(finished: Path, pair: Pair) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(finished / "student")
    model: Any = AutoModelForCausalLM.from_pretrained(finished / "student")
    start: Any = AutoModelForCausalLM.from_pretrained(pair.student)
    assert not torch.equal(model.lm_head.weight, start.lm_head.weight)
    chat = [{"role": "user", "content": "Where is the red bird?"}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**ids, max_new_tokens=5, do_sample=False)
    assert 1 <= out.shape[1] - ids["input_ids"].shape[1] <= 5
    tensors = load_file(finished / "checkpoints" / "step-000040" / "tensors.safetensors")
    assert torch.equal(model.model.norm.weight, tensors["weight/model.norm.weight"])


def test_held_out_prompts_are_never_trained_on(finished: Path) -> None:
    trained = {row["prompt"] for path in (finished / "rollouts").iterdir() for row in rows(path)}
    held_out = {row["prompt"] for path in (finished / "evaluation").iterdir() for row in rows(path)}
    assert len(held_out) == 8 and len(trained) == 22 and not trained & held_out


GRADERS: list[dict[str, Any]] = [
    {"grader": {"kind": "divergence", "beta": 0.5}},
    {"grader": {"kind": "top_k", "k": 5}},
    {"grader": {"kind": "sampled"}, "rollout__steps_ahead": 1},
    {"grader": {"kind": "imitation"}, "lmbda": 0.0, "given": "reference"},
    {"grader": {"kind": "imitation"}, "lmbda": 0.0, "given": "teacher"},
    {"lmbda": 0.5},
    {"lora": {"r": 4, "targets": "q_proj,v_proj"}},
]


@pytest.mark.parametrize("change", GRADERS, ids=lambda change: "-".join(str(v) for v in change.values()))
def test_every_way_of_grading_trains(change: dict[str, Any], pair: Pair, tmp_path: Path) -> None:
    outcome = train(tmp_path / "run", run_settings(pair, steps=4, evaluation__held_out=2, **change))
    metrics = rows(tmp_path / "run" / "metrics.jsonl")
    assert len(metrics) == outcome.steps == 4
    assert all(math.isfinite(m["loss"]) and m["grad_norm"] > 0 for m in metrics)
    sources = {row["source"] for path in (tmp_path / "run" / "rollouts").iterdir() for row in rows(path)}
    lmbda, given = change.get("lmbda", 1.0), change.get("given", "teacher")
    assert sources == {1.0: {"student"}, 0.5: {"student", "teacher"}, 0.0: {given}}[lmbda]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    if change.get("grader", {}).get("kind") == "imitation":
        assert manifest["tokens"]["teacher"] == 0 and "kl" not in metrics[0]
        assert (manifest["tokens"]["rollout"] == 0) == (given == "reference")


def test_adapters_are_merged_into_the_student(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(out, run_settings(pair, steps=4, optimizer__lr=0.05, lora={"r": 4, "targets": "q_proj"}))
    weights, start = load_file(out / "student" / "model.safetensors"), load_file(pair.student / "model.safetensors")
    assert set(weights) == set(start)
    changed = {name for name in start if not torch.equal(weights[name], start[name])}
    assert changed == {f"model.layers.{i}.self_attn.q_proj.weight" for i in range(2)}
    assert (out / "adapter" / "adapter_model.safetensors").is_file()


def test_activation_checkpointing_changes_no_figure(pair: Pair, tmp_path: Path) -> None:
    losses = []
    for flag in (False, True):
        out = tmp_path / str(flag)
        train(out, run_settings(pair, steps=3, evaluation__held_out=2, activation_checkpointing=flag))
        losses.append([(m["loss"], m["grad_norm"]) for m in rows(out / "metrics.jsonl")])
    for plain, recomputed in zip(*losses, strict=True):
        assert plain == pytest.approx(recomputed, rel=1e-4)


def test_student_can_be_cut_out_of_its_teacher(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    student = {"prune": str(pair.teacher), "layers": 3}
    train(out, run_settings(pair, steps=2, student=student))
    kept = json.loads((out / "start" / "pruning.json").read_text())["kept"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(kept) == 3 and manifest["student"]["layers_kept"] == kept
    assert json.loads((out / "student" / "config.json").read_text())["num_hidden_layers"] == 3


def test_student_cut_before_the_run_has_the_record_of_one_cut_in_it(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = shutil.copytree(pair.teacher, tmp_path / "models" / "teacher")
    (teacher / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    monkeypatch.chdir(tmp_path)  # a relative name with one slash looks like a hub name
    train(tmp_path / "a", run_settings(pair, steps=1, student={"prune": "models/teacher", "layers": 3}))
    shutil.copytree(tmp_path / "a" / "start", tmp_path / "cut")
    monkeypatch.chdir(tmp_path / "cut")
    train(tmp_path / "b", run_settings(pair, steps=1, student={"model": str(tmp_path / "cut")}))
    one, other = (json.loads((tmp_path / run / "manifest.json").read_text())["student"] for run in "ab")
    assert one == other
    assert (one["id"], one["licence"], len(one["layers_kept"])) == (str(teacher), "cc-by-4.0", 3)
    for run in "ab":
        card = (tmp_path / run / "student" / "README.md").read_text()
        assert card.startswith("---\nlicense: cc-by-4.0\n") and "# teacher-3-layers\n" in card
        assert f"cut down to its layers {', '.join(map(str, one['layers_kept']))} |" in card


def test_useless_origin_leaves_no_folder(pair: Pair, tmp_path: Path) -> None:
    student = shutil.copytree(pair.student, tmp_path / "student")
    (student / "pruning.json").write_text("{}")
    for models in ({"student": {"model": str(student)}}, {"teacher__model": str(student)}):
        with pytest.raises(RecordError, match=rf"^{student}/pruning.json: is not what `stillhouse distill student`"):
            train(tmp_path / "run", run_settings(pair, **models))
    assert not (tmp_path / "run").exists()


def test_minutes_are_turned_into_steps_once(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    outcome = train(out, run_settings(pair, steps=None, minutes=0.01))
    planned = json.loads((out / "plan.json").read_text())["steps"]
    assert outcome.steps == planned == len(rows(out / "metrics.jsonl")) >= 1
    assert 0.1 < outcome.seconds / 0.6 < 6


def test_teacher_can_write_the_prompts(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    sources = [{"path": str(pair.prompts)}, {"name": "magpie", "limit": 20}]
    # Random weights seldom end a turn after three words, so the cleaning is made to accept all that ended.
    monkeypatch.setattr(
        "stillhouse.distill.queries.clean_queries", lambda texts: [f"{t} ?" for t in dict.fromkeys(texts)]
    )
    train(out, run_settings(pair, steps=2, prompts=sources))
    written = json.loads((out / "magpie.json").read_text())
    manifest = json.loads((out / "manifest.json").read_text())
    assert written and manifest["prompts"][1]["source"] == "magpie" and manifest["prompts"][1]["count"] == len(written)
    ids = {
        row["prompt"] for name in ("rollouts", "evaluation") for path in (out / name).iterdir() for row in rows(path)
    }
    from stillhouse.types import Message

    assert ids & {Prompt.of([Message("user", text)]).id for text in written}


def test_useless_prompts_of_the_teacher_leave_no_folder(pair: Pair, tmp_path: Path) -> None:
    settings = run_settings(pair, prompts=[{"name": "magpie", "limit": 3}])
    with pytest.raises(ConfigError, match=r"prompts: 0 different ones.*of 3 that the teacher wrote \(magpie\), 0 are"):
        train(tmp_path / "run", settings)
    assert list(tmp_path.iterdir()) == []


def test_missing_given_answer_is_found_before_the_run(pair: Pair, tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path / "bare.jsonl", given=False)
    settings = run_settings(pair, prompts=[{"path": str(prompts)}], lmbda=0.5, given="reference")
    with pytest.raises(RecordError, match=r"has no given answer; use prompts with an assistant turn"):
        train(tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_order_of_the_prompt_file_does_not_matter(pair: Pair, tmp_path: Path) -> None:
    lines = pair.prompts.read_text().splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    other = tmp_path / "shuffled.jsonl"
    other.write_text("".join(lines))
    for name, path in (("a", pair.prompts), ("b", other)):
        train(tmp_path / name, run_settings(pair, steps=1, prompts=[{"path": str(path)}]))
    held_out = [{row["prompt"] for row in rows(tmp_path / n / "evaluation" / "phase-000000.jsonl")} for n in "ab"]
    assert held_out[0] == held_out[1]


def test_overflowed_student_is_a_fault_with_its_cause(pair: Pair, tmp_path: Path) -> None:
    settings = run_settings(pair, steps=1, optimizer__lr=1e38, optimizer__warmup=0.0)
    with pytest.raises(TrainingError, match=r"^step 1: .* is not finite after the update; .* lower optimizer\.lr"):
        train(tmp_path / "run", settings)


def test_times_come_from_the_clock_that_is_given(pair: Pair, tmp_path: Path) -> None:
    from datetime import UTC

    instant = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    settings = DistillSettings.model_validate(run_settings(pair, steps=1))
    console = Console(file=io.StringIO())
    outcome = distill(settings, tmp_path / "run", resume=False, console=console, command=[], now=lambda: instant)
    assert json.loads((outcome.folder / "manifest.json").read_text())["started"] == "2020-01-02T03:04:05.000Z"


def test_lost_measures_from_before_training_are_not_made_up(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(out, run_settings(pair, steps=1))
    (out / "evaluation.json").unlink()
    with pytest.raises(RunFolderError, match=r"evaluation\.json: the measures from before training are gone; start"):
        train(out, run_settings(pair, steps=1), resume=True)
    assert not (out / "evaluation.json").exists()


@pytest.mark.parametrize("template", [None, "{{ messages[0]['content'] }}<|im_end|>"])
def test_the_teacher_s_template_is_not_needed(template: str | None, pair: Pair, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(pair.teacher, tmp_path / "teacher"))
    (teacher / "chat_template.jinja").unlink()
    if template is not None:
        (teacher / "chat_template.jinja").write_text(template)
    assert train(tmp_path / "run", run_settings(pair, steps=1, teacher__model=str(teacher))).steps == 1


def test_given_answers_end_as_the_template_closes_them(pair: Pair, tmp_path: Path) -> None:
    folders = {}
    for who in ("teacher", "student"):
        folder = folders[f"{who}__model"] = str(shutil.copytree(getattr(pair, who), tmp_path / who))
        config = Path(folder) / "generation_config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "eos_token_id": [0, 2]}))
    template = Path(folders["student__model"]) / "chat_template.jinja"
    template.write_text(template.read_text().replace("im_end", "endoftext"))
    change = {"lmbda": 0.0, "given": "reference", "rollout__max_new_tokens": 60}
    train(tmp_path / "run", run_settings(pair, steps=1, **change, **folders))
    ends = {row["tokens"][-1] for path in (tmp_path / "run" / "rollouts").iterdir() for row in rows(path)}
    assert ends == {0}
