"""The manifest answers what FORMATS section 3 asks, from its arguments alone."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.manifest import StudentRecord, TeacherRecord, build_manifest
from tests.distill.example_run import SETTINGS, manifest

ARGUMENTS: dict[str, Any] = {
    "settings": validate(
        DistillSettings, {**SETTINGS, "grader": {"kind": "top_k", "k": 32}, "temperature": 2}, place="test"
    ),
    "teacher": TeacherRecord(
        id="t", revision="r1", weights_digest="aa", licence="MIT", permission="granted by its owner", parameters=10
    ),
    "student": StudentRecord(id="s", revision=None, licence=None, layers_kept=None, weights_digest="bb", parameters=5),
    "teachers": {},
    "trained_digest": None,
    "prompts": [{"source": "p.jsonl", "licence": "MIT", "digest": "cc", "count": 3}],
    "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
    "commit": None,
    "command": ["stillhouse", "distill", "run", "c.yaml"],
    "seeds": {"run": 7},
    "tokens": {"student": 30, "rollout": 12},
    "flops": {"rollout": 100, "student": 1_000},
    "started": datetime(2026, 3, 4, 10, 30, 0, 125_900, tzinfo=timezone(timedelta(hours=1))),
    "finished": None,
    "api_cost_usd": 0.0,
    "judge_prompts": {},
}


def test_names_teacher_with_licence_and_permission() -> None:
    assert build_manifest(**ARGUMENTS)["teacher"] == {
        "id": "t",
        "revision": "r1",
        "weights_digest": "aa",
        "licence": "MIT",
        "permission": "granted by its owner",
        "parameters": 10,
        "note": None,
        "endpoint": None,
    }


def test_grader_has_its_own_settings_and_those_of_the_loss() -> None:
    assert build_manifest(**ARGUMENTS)["grader"] == {
        "kind": "top_k",
        "k": 32,
        "beta": 0.0,
        "lmbda": 1.0,
        "given": "teacher",
        "temperature": 2.0,
    }


def test_totals_are_summed_and_parts_are_in_the_order_of_a_step() -> None:
    built = build_manifest(**ARGUMENTS)
    assert list(built["tokens"].items()) == [("rollout", 12), ("student", 30), ("total", 42)]
    assert built["flops"] == {"rollout": 100, "student": 1_000, "total": 1_100}


def test_names_what_was_trained_and_what_computed_it() -> None:
    assert build_manifest(**ARGUMENTS)["trained_weights_digest"] is None
    assert build_manifest(**{**ARGUMENTS, "trained_digest": "dd"})["trained_weights_digest"] == "dd"
    settings = ARGUMENTS["settings"].model_copy(update={"device": "cpu", "dtype": "bfloat16", "threads": 2})
    built = build_manifest(**{**ARGUMENTS, "settings": settings})
    assert built["computed"] == {"device": "cpu", "dtype": "bfloat16", "threads": 2}


def test_times_are_rfc_3339_in_utc() -> None:
    built = build_manifest(**{**ARGUMENTS, "finished": datetime(2026, 3, 4, 10, tzinfo=UTC)})
    assert built["started"] == "2026-03-04T09:30:00.125Z"
    assert built["finished"] == "2026-03-04T10:00:00.000Z"
    assert build_manifest(**ARGUMENTS)["finished"] is None


def test_the_rest_is_kept_as_given() -> None:
    built = build_manifest(**ARGUMENTS)
    assert built["v"] == "stillhouse.manifest/1"
    assert built["prompts"] == ARGUMENTS["prompts"]
    assert built["command"] == ARGUMENTS["command"]
    assert built["seeds"] == {"run": 7}
    assert list(built["versions"]) == ["numpy", "torch"]
    assert built["api_cost"] == {"value": 0.0, "currency": "USD"}
    assert built["judge_prompts"] == {}


def test_survives_json() -> None:
    assert json.loads(json.dumps(manifest())) == manifest()
    assert manifest()["student"]["layers_kept"][:5] == [0, 1, 2, 3, 5]


def test_unknown_part_is_named() -> None:
    with pytest.raises(ValueError, match="flops: unknown part 'rolout'; the parts are rollout, judge, teacher"):
        build_manifest(**{**ARGUMENTS, "flops": {"rolout": 1}})


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-03-04T10:00:00 has no time zone"):
        build_manifest(**{**ARGUMENTS, "started": datetime(2026, 3, 4, 10)})
