"""Settings that contradict each other are refused with the key and the remedy; defaults mean what the field means."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stillhouse.config import validate
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.grader_settings import CrossTokenizerSettings, DivergenceSettings, TopKSettings
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


URL = "http://127.0.0.1:8000/v1"
SERVED: dict[str, Any] = {"model": "served", "permission": "made by this test", "endpoint": {"base_url": URL}}
JUDGE: dict[str, Any] = {"kind": "judge", "method": {"kind": "ranking"}}
CROSSING = {"kind": "cross_tokenizer"}
MIXED = ("cross_tokenizer", "divergence")
IDLE: dict[str, Any] = {
    "api": "messages",
    "n_field": False,
    "cache": "answers",
    "prices": {"input": 1},
    "budget": {"tokens": 9},
}
CRITERION = {"name": "right", "description": "It is right.", "weight": 1}
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
    ({"grader": {"kind": "wisdom"}}, "'grader' is {'kind': 'wisdom'}"),
    ({"grader": {"kind": "judge"}}, "key 'grader.method' is missing; add it"),
    ({"grader": JUDGE}, "grader `judge` asks 'teacher', which has no `endpoint`; say where it is served"),
    ({"grader": JUDGE | {"by": "b"}}, "grader.by is 'b', which is none of `teachers`; add it, or leave `by` out"),
    ({"grader": JUDGE, "teacher": SERVED}, "compares the answers to one prompt; set rollout.answers to at least 2"),
    ({"teacher": SERVED}, "`divergence` reads the teacher's probabilities, and `teacher` is only an endpoint; give a"),
    ({"teachers": {"teacher": SERVED}}, "teachers has one called `teacher`, which is the name of the first one"),
    ({"prompts": [{"name": "chitchat", "teacher": "b"}]}, "prompts names the teacher 'b', which is none of `teachers`"),
    ({"rollout__answers": 3}, "batch 4 is no multiple of rollout.answers 3; change either"),
    (
        {"grader": JUDGE, "teacher": SERVED, "rollout__answers": 2, "rollout__top_p": 0.9},
        "learn `policy_gradient` needs answers drawn from what is trained; set lmbda to 1",
    ),
    (
        {"grader": JUDGE, "teacher": SERVED, "rollout__answers": 2, "steps": None, "minutes": 1},
        "`minutes` cannot be planned where a judge over the network sets the pace; give `steps`",
    ),
    (
        {"grader": {"kind": "imitation"}, "teacher": SERVED, "lmbda": 0},
        "given answers are to be written by the teacher, which is only an endpoint; collect them first",
    ),
    ({"teacher": SERVED | {"revision": "a"}}, "`revision` is of weights on the hub; leave it out"),
    (
        {"grader": {"kind": "mix", "parts": {n: {"weight": 1, "grader": JUDGE} for n in "ab"}}, "teacher": SERVED},
        "grader.parts has two judges; let one judge with several criteria (`rubric`) instead",
    ),
    ({"grader": {"kind": "mix", "parts": {"a": {"weight": 1, "grader": JUDGE}}}}, "'grader.parts' is"),
    (
        {"grader": JUDGE | {"method": {"kind": "rubric", "criteria": []}}},
        "a rubric needs at least one criterion; add one with name, description and weight",
    ),
    (
        {"grader": JUDGE | {"method": {"kind": "rubric", "criteria": [CRITERION | {"weight": 0.4}]}}},
        "the weights sum to 0.4; make them sum to 1",
    ),
    (
        {"teacher": {**SERVED, "endpoint": {"base_url": URL, "budget": {"usd": 0}}}},
        "'teacher.endpoint.budget.usd' is 0",
    ),
    ({"grader": CROSSING, "lmbda": 0.5}, "given answers of a teacher with another tokenizer are not in the student's"),
    *(
        (
            {"rollout__server": {"model": "s", "endpoint": {"base_url": URL, key: value}}},
            f"unknown key 'rollout.server.endpoint.{key}' (value {value!r}); ",
        )
        for key, value in IDLE.items()
    ),
    *(
        (
            {
                "grader": {"kind": "top_k", "k": 4},
                "teacher": {**SERVED, "endpoint": {"base_url": URL, "api": "completions", key: value}},
            },
            f"teacher.endpoint sets {key}, which does nothing for a vLLM server that `top_k` reads",
        )
        for key, value in IDLE.items()
        if key != "api"
    ),
    (
        {"teachers": {"spare": SERVED}},
        "teachers has 'spare', which no prompt source (`teacher`) and no judge (`by`) na",
    ),
    ({"evaluation__tasks": [{"path": "t", "teacher": "b"}]}, "unknown key 'evaluation.tasks.0.teacher' (value 'b'); "),
    ({"grader": CROSSING}, "compare `sampled` estimates the reverse KL only on answers drawn from what is trained"),
    ({"grader": CROSSING, "teacher": SERVED}, "reads the probabilities of one teacher whose weights are here"),
    ({"grader": CROSSING, "prompts": [{"name": "magpie"}]}, "whose teacher needs the student's tokenizer"),
    (
        {"grader": {"kind": "mix", "parts": {k: {"weight": 1, "grader": {"kind": k}} for k in MIXED}}},
        "mixes `cross_tokenizer` with a grader that needs one tokenizer for both; keep one of them",
    ),
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


def test_a_teacher_that_a_source_or_a_judge_names_is_taken() -> None:
    here = {"model": "there", "permission": "made by this test"}
    sources = [{"name": "chitchat", "teacher": "b"}, {"name": "instructions"}]
    routed = DistillSettings.model_validate(run_settings(HERE, prompts=sources, teachers={"b": here}))
    assert [source.teacher for source in routed.prompts] == ["b", None]
    parts = {"j": {"weight": 1, "grader": JUDGE | {"by": "b"}}, "d": {"weight": 1, "grader": {"kind": "divergence"}}}
    mixed = run_settings(HERE, grader={"kind": "mix", "parts": parts}, teachers={"b": SERVED}, rollout__answers=2)
    judge = DistillSettings.model_validate(mixed).judge
    assert judge is not None and judge.by == "b"


def test_crossing_defaults_are_the_analogue_of_sampled() -> None:
    settings = CrossTokenizerSettings()
    assert (settings.kind, settings.compare, settings.window) == ("cross_tokenizer", "sampled", 0)


@pytest.mark.parametrize(
    "wrong", [{"compare": "uld"}, {"window": -1}, {"k": 0}, {"beta": 1.5}, {"kind": "sampled"}, {"temperature": 2}]
)
def test_impossible_crossing_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        CrossTokenizerSettings.model_validate(wrong)


@pytest.mark.parametrize(("batch", "micro_batch"), [(1, 1), (4, 4), (8, 8), (12, 6), (24, 8), (11, 1)])
def test_micro_batch_left_out_divides_the_batch(batch: int, micro_batch: int, pair: Pair) -> None:
    given = run_settings(pair, batch=batch)
    del given["micro_batch"]
    assert DistillSettings.model_validate(given).micro_batch == micro_batch
