"""One file for each way a teacher grades. `grader(settings)` is the table of contents."""

from stillhouse.distill.grader_settings import (
    CrossTokenizerSettings,
    DivergenceSettings,
    GraderSettings,
    ImitationSettings,
    JudgeGraderSettings,
    MixSettings,
    PolicyGradientSettings,
    SampledSettings,
    TopKSettings,
)
from stillhouse.distill.graders.base import GradingInputs, TeacherReading, TokenGrader
from stillhouse.distill.graders.cross_grader import CrossTokenizerGrader
from stillhouse.distill.graders.divergence import DivergenceGrader
from stillhouse.distill.graders.imitation import ImitationGrader
from stillhouse.distill.graders.likelihood import LikelihoodGrader
from stillhouse.distill.graders.mixed import MixedGrader, Part
from stillhouse.distill.graders.sampled import SampledGrader
from stillhouse.distill.graders.served_top_k import ServedTopKGrader
from stillhouse.distill.graders.top_k import TopKGrader
from stillhouse.distill.translation import Translation
from stillhouse.models.vllm import VllmServer

__all__ = [
    "CrossTokenizerGrader",
    "DivergenceGrader",
    "GradingInputs",
    "ImitationGrader",
    "LikelihoodGrader",
    "MixedGrader",
    "Part",
    "SampledGrader",
    "ServedTopKGrader",
    "TeacherReading",
    "TokenGrader",
    "TopKGrader",
    "grader",
]


def grader(
    settings: GraderSettings, server: VllmServer | None = None, translation: Translation | None = None
) -> TokenGrader:
    """The grader that a config names; the teacher is at `server`, if that is given.

    `translation` is between student and teacher where the grader works across tokenizers.
    """
    match settings:
        case DivergenceSettings(beta=beta):
            return DivergenceGrader(beta)
        case TopKSettings(k=k, beta=beta):
            return TopKGrader(k, beta) if server is None else ServedTopKGrader(server, k, beta)
        case SampledSettings():
            return SampledGrader()
        case ImitationSettings():
            return ImitationGrader()
        case CrossTokenizerSettings():
            assert translation is not None
            return CrossTokenizerGrader(settings, translation)
        case JudgeGraderSettings(learn=learn):
            return LikelihoodGrader(learn.clip if isinstance(learn, PolicyGradientSettings) else None)
        case MixSettings(parts=parts):
            return MixedGrader(
                tuple(Part(name, part.weight, grader(part.grader, server, translation)) for name, part in parts.items())
            )
