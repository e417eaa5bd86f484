"""One file for each way a model judges by writing. `judge(settings, model)` is the table of contents."""

from stillhouse.distill.judges.base import Judge
from stillhouse.distill.judges.critique import CritiqueJudge
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.reference import ReferenceJudge
from stillhouse.distill.judges.rubric import RubricJudge
from stillhouse.distill.judges.settings import (
    CritiqueSettings,
    JudgeSettings,
    RankingSettings,
    ReferenceSettings,
    RubricSettings,
)
from stillhouse.types import Sampler

__all__ = ["judge"]


def judge(settings: JudgeSettings, model: Sampler) -> Judge:
    """The judge that a config names, asking `model`."""
    match settings:
        case RubricSettings():
            return RubricJudge(settings, model)
        case RankingSettings():
            return RankingJudge(settings, model)
        case CritiqueSettings():
            return CritiqueJudge(settings, model)
        case ReferenceSettings():
            return ReferenceJudge(settings, model)
