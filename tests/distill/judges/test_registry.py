"""Every kind of settings has its judge."""

import pytest

from stillhouse.distill.judges.base import Judge
from stillhouse.distill.judges.critique import CritiqueJudge
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.reference import ReferenceJudge
from stillhouse.distill.judges.registry import judge
from stillhouse.distill.judges.rubric import RubricJudge
from stillhouse.distill.judges.settings import (
    Criterion,
    CritiqueSettings,
    JudgeSettings,
    RankingSettings,
    ReferenceSettings,
    RubricSettings,
)
from tests.distill.judges.readers import Reader, longest


@pytest.mark.parametrize(
    ("settings", "cls"),
    [
        (RubricSettings(criteria=(Criterion(name="good", description="d"),)), RubricJudge),
        (RankingSettings(), RankingJudge),
        (CritiqueSettings(), CritiqueJudge),
        (ReferenceSettings(), ReferenceJudge),
    ],
)
def test_each_kind(settings: JudgeSettings, cls: type) -> None:
    made: Judge = judge(settings, Reader(longest))
    assert isinstance(made, cls) and made.name.endswith("by reader")
    assert all(isinstance(text, str) and text for text in made.templates.values()) and made.scoring
