"""Settings that contradict each other are refused with the key and the remedy; defaults mean what the field means."""

from pathlib import Path
from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.distill.config import DistillSettings, DivergenceSettings, TopKSettings
from stillhouse.errors import ConfigError
from tests.tiny import Pair, run_settings

HERE = Pair(Path("t"), Path("s"), Path("p.jsonl"))


def test_defaults() -> None:
    settings = DistillSettings.model_validate(
        {
            "teacher": {"model": "bundled", "permission": "Apache-2.0"},
            "student": {"prune": "bundled", "layers": 4},
            "prompts": [{"name": "instructions"}],
            "steps": 3,
        }
    )
    assert settings.grader == DivergenceSettings(beta=1.0) and settings.lmbda == 1 and settings.temperature == 1
    assert settings.rollout.steps_ahead == 1 and settings.reporter == "none" and settings.lora is None


def test_grader_is_chosen_by_its_kind() -> None:
    settings = DistillSettings.model_validate(run_settings(HERE, grader={"kind": "top_k", "k": 7}))
    assert settings.grader == TopKSettings(k=7, beta=0.0)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"student": {"model": "a", "prune": "b", "layers": 1}}, "exactly one of `model` (a ready student) and `prune`"),
    ({"student": {"prune": "b"}}, "student.layers goes with student.prune; give both or neither"),
    ({"student": {"model": "b", "layers": 2}}, "student.layers goes with student.prune"),
    ({"prompts": [{"path": "a", "name": "chitchat"}]}, "a prompt source needs exactly one of `path` and `name`"),
    ({"prompts": [{"name": "reasoning-gym"}]}, "`task` goes with `name: reasoning-gym`; give both or neither"),
    ({"prompts": []}, "'prompts' is []"),
    ({"steps": None}, "exactly one of `steps` and `minutes` says how long to train; give one"),
    ({"grader": {"kind": "imitation"}}, "grader `imitation` learns from given answers only; set lmbda to 0"),
    ({"grader": {"kind": "sampled"}, "lmbda": 0.5}, "grader `sampled` estimates the reverse KL on the student's own"),
    ({"grader": {"kind": "judge"}}, "'grader' is {'kind': 'judge'}"),
    ({"grader": {"kind": "divergence", "beta": 2}}, "'grader.beta' is 2"),
    ({"rollout__start_new_tokens": 4}, "rollout.start_new_tokens goes with rollout.grow_steps"),
    ({"rollout__start_new_tokens": 11, "rollout__grow_steps": 2}, "is above rollout.max_new_tokens; lower it"),
    ({"steps": 0}, "'steps' is 0"),
    ({"prompts": [{"name": "magpie"}, {"name": "magpie", "seed": 1}]}, "prompts names `magpie` twice"),
    ({"evaluation__tasks": [{"name": "magpie"}]}, "evaluation.tasks names `magpie`, whose prompts have no answer"),
    ({"evaluation__tasks": [{"path": "a/t.jsonl"}, {"path": "b/t.jsonl"}]}, "two tasks called 't'; rename a file"),
    ({"optimizer__lr": -1}, "'optimizer.lr' is -1"),
    ({"dtype": "float16"}, "'dtype' is 'float16'"),
    ({"optimizer__betas": [1.5, 0.9]}, "'optimizer.betas.0' is 1.5; input should be less than 1"),
    ({"optimizer__betas": [0.9, -0.1]}, "'optimizer.betas.1' is -0.1; input should be greater than or equal to 0"),
    ({"optimizer__lr": float("inf")}, "'optimizer.lr' is inf; input should be a finite number"),
    ({"steps": None, "minutes": float("inf")}, "'minutes' is inf; input should be a finite number"),
    ({"temperature": float("inf")}, "'temperature' is inf; input should be a finite number"),
    ({"prompts": [{"name": "chitchat", "licence": "MIT"}]}, "`licence` goes with `path`; that of `chitchat` is known"),
]


@pytest.mark.parametrize(("change", "part"), CONTRADICTIONS, ids=[part[:40] for _, part in CONTRADICTIONS])
def test_contradiction_is_one_line(change: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(DistillSettings, run_settings(HERE, **change), "c.yaml")
    assert part in str(caught.value) and str(caught.value).startswith("c.yaml: ") and "\n" not in str(caught.value)
