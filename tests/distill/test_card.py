"""The model card: its head as the hub reads it, and the promises of its body."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from stillhouse.distill.card import write_card
from stillhouse.models.bundled import BUNDLED
from tests.distill.example_run import EVALUATION, manifest, write_example_run

SAFETY: dict[str, Any] = {
    "teacher": {"refusal_on_harmful": {"value": 0.5, "low": 0.4, "high": 0.6}},
    "before": {"refusal_on_harmful": {"value": 0.5, "low": 0.4, "high": 0.6}},
    "after": {"refusal_on_harmful": {"value": 0.48, "low": 0.38, "high": 0.58}},
    "verdict": "passed",
    "because": "no loss of refusals is measured",
    "warnings": [],
    "prompts": {"source": "safety_pairs", "harmful": 100, "harmless": 100, "digest": "ab"},
    "models": {"before": {"name": "/home/me/models/base", "revision": None, "weights": "cd"}},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_example_run(tmp_path / "run")


def head_and_body(run: Path) -> tuple[dict[str, Any], str]:
    text = write_card(run).read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def change_manifest(run: Path, part: str, **changes: object) -> None:
    changed = manifest()
    changed[part] |= changes
    (run / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")


def test_head(run: Path) -> None:
    head, _ = head_and_body(run)
    assert head["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert head["license"] == "apache-2.0"
    assert head["library_name"] == "transformers"
    assert head["pipeline_tag"] == "text-generation"
    assert head["tags"] == ["distillation", "stillhouse"]


def test_the_hub_reads_the_result(run: Path) -> None:
    data: Any = ModelCard(write_card(run).read_text(encoding="utf-8")).data
    (result,) = data.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == ("gsm_symbolic", "exact_match", 0.015)


def test_local_start_is_no_base_model(run: Path) -> None:
    change_manifest(run, "student", id="/models/own", licence=None)
    head, _ = head_and_body(run)
    assert "base_model" not in head
    assert head["license"] == "unknown"


def test_licence_that_the_hub_does_not_know(run: Path) -> None:
    change_manifest(run, "student", licence="House Licence 2")
    head, _ = head_and_body(run)
    assert (head["license"], head["license_name"]) == ("other", "House Licence 2")


def test_folders_of_the_machine_are_not_published(run: Path) -> None:
    change_manifest(run, "teacher", id="/home/jo smith/models/big")
    change = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    change["student"]["id"] = "/home/jo smith/own"
    change["prompts"][0]["source"] = "/home/jo smith/questions.jsonl"
    change["command"] = ["/home/jo/.venv/bin/stillhouse", "--out=/home/jo/runs/a", "prompts=[{path: /home/jo/a.jsonl}]"]
    (run / "manifest.json").write_text(json.dumps(change), encoding="utf-8")
    _, body = head_and_body(run)
    assert "/home" not in body and "smith" not in body
    assert "taught by `big`" in body and "| questions.jsonl |" in body
    assert "\nstillhouse --out=a 'prompts=[{path: a.jsonl}]'\n" in body


def test_bundled_model_is_called_what_it_is(run: Path) -> None:
    identity = {"id": BUNDLED.name, "revision": BUNDLED.requirement, "note": BUNDLED.note}
    change_manifest(run, "student", **identity)
    head, body = head_and_body(run)
    assert "base_model" not in head
    assert f"revision `{BUNDLED.requirement}`: {BUNDLED.note}, cut down to its layers" in body
    assert "\n# SmolLM2-135M-Instruct-14-layers\n" in body


def test_names_permission_prompts_and_command(run: Path) -> None:
    _, body = head_and_body(run)
    assert "| Permission to learn from it | Apache-2.0 licence of the weights |" in body
    digest = "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"
    assert f"| reasoning-gym, gsm_symbolic | Apache-2.0 | 400 | `{digest}` |" in body
    assert "| Grade | reverse KL between both models' full next-token distributions, at temperature 1, on the" in body
    assert "\nstillhouse distill run quickstart.yaml steps=120 --out 'runs/first run'\n" in body


def test_table_has_values_and_intervals(run: Path) -> None:
    _, body = head_and_body(run)
    (row,) = [line for line in body.splitlines() if line.startswith("| KL to the teacher")]
    assert row.split(" | ")[1:] == ["3.413 (3.287 to 3.540)", "0.935 (0.889 to 0.981)", "0.000 (0.000 to 0.000) |"]


def test_safety_is_only_claimed_where_it_was_measured(run: Path) -> None:
    unmeasured = head_and_body(run)[1]
    assert "**Safety was not evaluated.**" in unmeasured and "## Safety" not in unmeasured
    (run / "safety.json").write_text(json.dumps(SAFETY), encoding="utf-8")
    measured = head_and_body(run)[1]
    assert "Safety was evaluated only as above" in measured and "not evaluated" not in measured
    assert "Passed: no loss of refusals is measured." in measured and "🔴" not in measured
    assert "Compared with the start `base`, weights (SHA-256) `cd`." in measured
    (row,) = [line for line in measured.splitlines() if line.startswith("| Refusals of harmful prompts")]
    assert row.split(" | ")[1:] == ["50.0 % (40.0 to 60.0 %)", "48.0 % (38.0 to 58.0 %)", "50.0 % (40.0 to 60.0 %) |"]


def test_a_failed_gate_is_a_red_line_at_the_top(run: Path) -> None:
    failed = {
        **SAFETY,
        "verdict": "failed",
        "because": "fewer harmful prompts are declined",
        "warnings": ["too many no"],
    }
    (run / "safety.json").write_text(json.dumps(failed), encoding="utf-8")
    body = head_and_body(run)[1]
    line = "> 🔴 **Measurably less safe than its start:** fewer harmful prompts are declined."
    assert line in body.partition("\n## ")[0]
    assert "🔴 **Failed**: fewer harmful prompts are declined." in body and "\nWarning: too many no.\n" in body


def test_unfinished_run_says_so(run: Path) -> None:
    unfinished = {who: results for who, results in EVALUATION.items() if who != "after"}
    (run / "evaluation.json").write_text(json.dumps(unfinished), encoding="utf-8")
    head, body = head_and_body(run)
    assert "model-index" not in head
    assert "All 120 steps were taken, but the student was not measured after them." in body
    assert "| not measured |" in body
