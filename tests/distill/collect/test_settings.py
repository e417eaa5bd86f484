"""What cannot be meant costs one line."""

from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.errors import ConfigError
from tests.distill.collect.server import settings_of

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"teacher__permission": "  "}, "'teacher.permission' is '  '; name the licence, or who granted the right to"),
    ({"teacher__permission": None}, "'teacher.permission' is None; name the licence, or who granted the right to"),
    ({"teacher__model": ""}, "'teacher.model' is ''"),
    ({"prompts": []}, "'prompts' is []"),
    ({"prompts": [{"name": "magpie"}]}, "prompts names `magpie`, which a teacher writes from its bare chat template"),
    ({"answers": 2, "sampling": {"temperature": 0}}, "answers is 2 at sampling.temperature 0, which draws the same"),
    (
        {"prompts": [{"path": "p", "teacher": "b"}]},
        "unknown key 'prompts.0.teacher' (value 'b'); known keys: licence, ",
    ),
    ({"answers": 0}, "'answers' is 0"),
    ({"filters": {"min_chars": 9, "max_chars": 3}}, "filters.max_chars is 3, below filters.min_chars 9; raise it"),
    ({"filters": {"refusal": "drop"}}, "unknown key 'filters.refusal' (value 'drop'); did you mean 'refusals'?"),
    ({"dedup": {"threshold": 0}}, "'dedup.threshold' is 0"),
    ({"teacher__endpoint__budget": {"usd": 0}}, "'teacher.endpoint.budget.usd' is 0"),
    ({"teacher__endpoint__base_url": "http://me:secret@host/v1"}, "a key has no place in an address"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[m for _, m in FAULTS])
def test_fault(change: dict[str, Any], message: str) -> None:
    data = settings_of("http://127.0.0.1:1/v1", change.pop("prompts", [{"name": "instructions"}]), **change)
    with pytest.raises(ConfigError) as caught:
        validate(CollectSettings, data, "config.yaml")
    assert str(caught.value).startswith("config.yaml: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_permission_is_required() -> None:
    data = settings_of("http://127.0.0.1:1/v1", [{"name": "instructions"}])
    del data["teacher"]["permission"]
    with pytest.raises(ConfigError, match=r"^c\.yaml: key 'teacher\.permission' is missing; add it \(licence"):
        validate(CollectSettings, data, "c.yaml")
