"""A replay's settings from a whole guard.yaml, and from a file with nothing but `detect`."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stillhouse.errors import ConfigError
from stillhouse.guard.replay.settings import load_detect

UPSTREAM = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
WHOLE: dict[str, Any] = {"upstreams": [UPSTREAM], "models": [{"name": "m", "upstreams": ["one"]}]}


def written(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "guard.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.mark.parametrize("others", [{}, WHOLE])
def test_the_section_is_the_same_with_others_and_without(tmp_path: Path, others: dict[str, Any]) -> None:
    section = {"tick_seconds": 60, "reference": "ref", "campaigns": {"observe": 0.1}}
    settings = load_detect(written(tmp_path, {**others, "detect": section}))
    assert (settings.tick_seconds, settings.campaigns.observe) == (60, 0.1)
    assert settings.reference == tmp_path / "ref"


def test_without_a_reference_there_is_none(tmp_path: Path) -> None:
    assert load_detect(written(tmp_path, {"detect": {}})).reference is None
    assert load_detect(written(tmp_path, WHOLE)).reference is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"detect": []}, "'detect' is []; a section is a mapping of keys to values"),
        ({"detect": None}, "'detect' is None; a section is a mapping of keys to values"),
        ({"detect": {"reference": 5}}, "'detect.reference' is 5; give a path as text"),
        ({"detect": {"tik": 5}}, "unknown key 'detect.tik' (value 5); known keys: "),
        ({"detcet": {}}, "unknown key 'detcet' (value {}); did you mean 'detect'?"),
        ({"detect": {}, "plans": {}}, "key 'upstreams' is missing; add it"),
    ],
)
def test_a_fault_is_told_by_its_key(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    path = written(tmp_path, config)
    with pytest.raises(ConfigError) as caught:
        load_detect(path)
    assert str(caught.value).startswith(f"{path}: {message}")
