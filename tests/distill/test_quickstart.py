"""The first command: its settings are an ordinary run's, and its table shows what changed."""

import io

import pytest
from pydantic import ValidationError
from rich.console import Console

from stillhouse.config import dump
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.quickstart import comparison, quickstart_settings


def test_settings_are_ordinary_and_take_minutes() -> None:
    import yaml

    settings = quickstart_settings(5.0, seed=3)
    assert (settings.minutes, settings.steps, settings.seed) == (5.0, None, 3)
    assert settings.teacher.model == settings.student.prune == "bundled"
    assert settings.teacher.permission.startswith("Apache-2.0")
    assert DistillSettings.model_validate(yaml.safe_load(dump(settings))) == settings
    assert settings.evaluation.held_out >= 32
    with pytest.raises(ValidationError):
        quickstart_settings(0.0)


def test_table_has_a_row_for_each_measure() -> None:
    def metric(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.125, "high": value + 0.125}

    table = comparison(
        {
            "teacher": {"kl_to_teacher": metric(0), "exact_match/a": metric(0.5)},
            "before": {"kl_to_teacher": metric(2), "exact_match/a": metric(0.25)},
            "after": {"kl_to_teacher": metric(1), "exact_match/a": metric(0.375)},
        }
    )
    text = io.StringIO()
    Console(file=text, width=120).print(table)
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in text.getvalue().splitlines() if "│" in row]
    assert rows == [
        ["kl_to_teacher", "2.000 (1.875 to 2.125)", "1.000 (0.875 to 1.125)", "0.000 (-0.125 to 0.125)"],
        ["exact_match/a", "25.0 % (12.5 to 37.5 %)", "37.5 % (25.0 to 50.0 %)", "50.0 % (37.5 to 62.5 %)"],
    ]
