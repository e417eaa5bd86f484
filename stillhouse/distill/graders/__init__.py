"""One file for each way a teacher grades. `grader(settings)` is the table of contents."""

from stillhouse.distill.config import (
    DivergenceSettings,
    GraderSettings,
    ImitationSettings,
    SampledSettings,
    TopKSettings,
)
from stillhouse.distill.graders.base import TokenGrader
from stillhouse.distill.graders.divergence import DivergenceGrader
from stillhouse.distill.graders.imitation import ImitationGrader
from stillhouse.distill.graders.sampled import SampledGrader
from stillhouse.distill.graders.top_k import TopKGrader

__all__ = ["DivergenceGrader", "ImitationGrader", "SampledGrader", "TokenGrader", "TopKGrader", "grader"]


def grader(settings: GraderSettings) -> TokenGrader:
    """The grader that a config names."""
    match settings:
        case DivergenceSettings(beta=beta):
            return DivergenceGrader(beta)
        case TopKSettings(k=k, beta=beta):
            return TopKGrader(k, beta)
        case SampledSettings():
            return SampledGrader()
        case ImitationSettings():
            return ImitationGrader()
