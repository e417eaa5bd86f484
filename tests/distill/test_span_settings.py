"""Settings of the cross-tokenizer grader: defaults, limits, and what is refused."""

import pytest
from pydantic import ValidationError

from stillhouse.distill.config import CrossTokenizerSettings


def test_defaults_are_the_analogue_of_sampled() -> None:
    settings = CrossTokenizerSettings()
    assert (settings.kind, settings.compare, settings.window) == ("cross_tokenizer", "sampled", 0)


@pytest.mark.parametrize(
    "wrong", [{"compare": "uld"}, {"window": -1}, {"k": 0}, {"beta": 1.5}, {"kind": "sampled"}, {"temperature": 2}]
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        CrossTokenizerSettings.model_validate(wrong)
