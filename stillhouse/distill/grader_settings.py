"""How answers are graded, as a config says it: one class for each `grader.kind`, and for each way to learn from scores.

They stand beside `config` and know nothing of a run, so that a grader can be read with its settings alone.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.distill.judges.settings import JudgeSettings

__all__ = [
    "BestOfNSettings",
    "CrossTokenizerSettings",
    "DivergenceSettings",
    "DpoSettings",
    "GraderSettings",
    "ImitationSettings",
    "JudgeGraderSettings",
    "MixPart",
    "MixSettings",
    "ObjectiveSettings",
    "PolicyGradientSettings",
    "SampledSettings",
    "SingleGraderSettings",
    "TopKSettings",
]


class DivergenceSettings(Settings):
    """Grade every token by the divergence between both models' full next-token distributions."""

    kind: Literal["divergence"] = "divergence"
    beta: float = Field(1.0, ge=0, le=1, description="0 forward KL, 0.5 JSD, 1 reverse KL")


class TopKSettings(Settings):
    """Grade by the teacher's `k` likeliest tokens and one bucket for all others."""

    kind: Literal["top_k"] = "top_k"
    k: int = Field(64, ge=1, description="how many of the teacher's tokens are kept at each position")
    beta: float = Field(0.0, ge=0, le=1, description="0 forward KL, 0.5 JSD, 1 reverse KL")


class SampledSettings(Settings):
    """Grade only the token that was sampled: its log-ratio is the advantage of a policy gradient."""

    kind: Literal["sampled"] = "sampled"


class ImitationSettings(Settings):
    """No grade: given answers are learnt by cross-entropy."""

    kind: Literal["imitation"] = "imitation"


class CrossTokenizerSettings(Settings):
    """Grade across two tokenizers, by the stretches of text that both cut out of an answer."""

    kind: Literal["cross_tokenizer"] = "cross_tokenizer"
    compare: Literal["sampled", "binary", "shared"] = Field(
        "sampled",
        description="`sampled`: a span's log-ratio is the advantage of a policy gradient; `binary`: divergence between "
        "the span and any other text; `shared`: both models' distributions over the tokens that they share",
    )
    window: int = Field(
        0,
        ge=0,
        description="with `sampled`: neighbouring spans on each side whose log-ratio counts too; a number above the "
        "length of an answer is unbiased for whole answers, and noisier",
    )
    k: int = Field(64, ge=1, description="with `shared`: how many of the teacher's shared tokens are kept")
    beta: float = Field(0.0, ge=0, le=1, description="with `binary` and `shared`: 0 forward KL, 0.5 JSD, 1 reverse KL")


class PolicyGradientSettings(Settings):
    """An answer counts by how much its score is above that of the other answers to its prompt."""

    kind: Literal["policy_gradient"] = "policy_gradient"
    clip: float | None = Field(
        0.2,
        gt=0,
        lt=1,
        description="largest change of a token's probability ratio that is still rewarded; none: no cap",
    )


class BestOfNSettings(Settings):
    """The best answer to each prompt is imitated."""

    kind: Literal["best_of_n"] = "best_of_n"


class DpoSettings(Settings):
    """The best answer to each prompt is preferred to the worst, by direct preference optimisation."""

    kind: Literal["dpo"] = "dpo"
    beta: float = Field(0.1, gt=0, description="how dear it is to leave the student's start")
    margin: float = Field(0.0, ge=0, lt=1, description="two scores must differ by more than this to make a pair")


ObjectiveSettings = Annotated[PolicyGradientSettings | BestOfNSettings | DpoSettings, Field(discriminator="kind")]


class JudgeGraderSettings(Settings):
    """Grade whole answers by the judgement of a teacher that is asked over an endpoint."""

    kind: Literal["judge"] = "judge"
    by: str = Field("teacher", description="`teacher`, or the name of one of `teachers`; it needs an `endpoint`")
    method: JudgeSettings = Field(description="how it judges: `rubric`, `ranking`, `critique`, `reference`")
    learn: ObjectiveSettings = Field(
        default_factory=PolicyGradientSettings,
        description="what scores are turned into: `policy_gradient`, `best_of_n`, `dpo`",
    )


SingleGraderSettings = Annotated[
    DivergenceSettings
    | TopKSettings
    | SampledSettings
    | ImitationSettings
    | CrossTokenizerSettings
    | JudgeGraderSettings,
    Field(discriminator="kind"),
]


class MixPart(Settings):
    """One of several grades of the same answers."""

    weight: float = Field(gt=0, description="its share in the loss, as a factor")
    grader: SingleGraderSettings = Field(description="any grader but `mix`")


class MixSettings(Settings):
    """Add up several grades of the same answers, each with its weight."""

    kind: Literal["mix"] = "mix"
    parts: dict[str, MixPart] = Field(min_length=2, description="grades by name, as they appear in metrics")

    @model_validator(mode="after")
    def _one_judge(self) -> "MixSettings":
        kinds = [part.grader.kind for part in self.parts.values()]
        if kinds.count("judge") > 1:
            raise ValueError("grader.parts has two judges; let one judge with several criteria (`rubric`) instead")
        return self


GraderSettings = Annotated[
    DivergenceSettings
    | TopKSettings
    | SampledSettings
    | ImitationSettings
    | CrossTokenizerSettings
    | JudgeGraderSettings
    | MixSettings,
    Field(discriminator="kind"),
]
