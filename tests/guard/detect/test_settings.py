"""What section `detect` allows, and the one line that tells what it does not."""

from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.errors import ConfigError
from stillhouse.guard.detect.settings import Budgets, DetectSettings


def test_rates_fall_with_strength_by_default_and_may_be_equal() -> None:
    assert list(Budgets().levels()) == ["observe", "slow", "strip", "verify", "suspend"]
    assert Budgets(observe=0.01, slow=0.01, strip=0.01, verify=0.01).levels()["suspend"] == 0.01


def test_an_action_without_a_rate_has_no_level_and_bounds_none() -> None:
    assert list(Budgets(observe=None, strip=None).levels()) == ["slow", "verify", "suspend"]


def test_a_rate_that_is_given_leaves_the_others_as_they_were() -> None:
    settings = validate(DetectSettings, {"accounts": {"observe": 0.1}}, "guard.yaml")
    assert settings.accounts.levels() == {"observe": 0.1, "slow": 0.05, "strip": 0.05}


def test_the_lateness_is_told_in_microseconds_too() -> None:
    assert DetectSettings().lateness == 600_000_000
    assert DetectSettings(lateness_seconds=2.5000009).lateness == 2_500_000  # what is below one is dropped


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"campaigns": {"suspend": 0.3}},
            "'campaigns' is {'suspend': 0.3}; suspend has the rate 0.3 and verify, a weaker action, 0.02; "
            "give suspend at most 0.02, or verify more",
        ),
        (
            {"accounts": {"observe": 0.04, "slow": None}},
            "'accounts' is {'observe': 0.04, 'slow': None}; strip has the rate 0.05 and observe, a weaker action, "
            "0.04; give strip at most 0.04, or observe more",
        ),
        ({"tick_seconds": 1e-9}, "'tick_seconds' is 1e-09; input should be greater than or equal to 1"),
        ({"lateness_seconds": 1e303}, "'lateness_seconds' is 1e+303; input should be less than or equal to 604800"),
        ({"likely": 8}, "likely is 8, above membership (6.9); give it less"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(DetectSettings, given, "guard.yaml")
    assert str(caught.value) == f"guard.yaml: {message}"
