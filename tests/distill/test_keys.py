"""A key that is not there is found for every endpoint that a config can have, and before anything is loaded."""

import re
from pathlib import Path
from typing import Any

import pytest

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.keys import check_keys
from stillhouse.errors import ConfigError
from tests.command import Command
from tests.judge_server import served
from tests.tiny import Pair, run_settings, write_yaml

URL = "http://127.0.0.1:9/v1"
JUDGE: dict[str, Any] = {"kind": "judge", "method": {"kind": "ranking"}}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "teacher": {"teacher": served(URL, key_env="KEY"), "grader": JUDGE, "rollout__answers": 2},
    "one of teachers": {
        "teacher": served(URL),
        "teachers": {"voice": served(URL, key_env="KEY")},
        "grader": {**JUDGE, "by": "voice"},
        "rollout__answers": 2,
    },
    "the student's server": {"rollout__server": {"model": "student", "endpoint": {"base_url": URL, "key_env": "KEY"}}},
}


@pytest.mark.parametrize("place", ENDPOINTS)
def test_every_endpoint_needs_the_key_that_it_names(place: str, pair: Pair) -> None:
    settings = DistillSettings.model_validate(run_settings(pair, **ENDPOINTS[place]))
    check_keys(settings, {"KEY": "a-key"})
    for environ in ({}, {"KEY": " "}, {"OTHER": "a-key"}):
        with pytest.raises(ConfigError, match=re.escape("environment variable 'KEY' (key_env) is not set; export it")):
            check_keys(settings, environ)


def test_endpoint_without_key_env_needs_none(pair: Pair) -> None:
    settings = run_settings(pair, teacher=served(URL), grader=JUDGE, rollout__answers=2)
    check_keys(DistillSettings.model_validate(settings), {})


def test_missing_key_is_found_before_models_and_prompts(command: Command, pair: Pair, tmp_path: Path) -> None:
    """Neither student nor prompts are there, and the key is what the run ends with."""
    absent = {"student__model": str(tmp_path / "none"), "prompts": [{"path": str(tmp_path / "none.jsonl")}]}
    teacher = served(URL, key_env="A_KEY_THAT_NOBODY_SET")
    settings = run_settings(pair, teacher=teacher, grader=JUDGE, rollout__answers=2, **absent)
    config = write_yaml(tmp_path / "config.yaml", settings)
    fault = command("distill", "run", config, "--out", tmp_path / "run").fault
    assert fault.startswith("environment variable 'A_KEY_THAT_NOBODY_SET' (key_env) is not set")
    assert not (tmp_path / "run").exists()
