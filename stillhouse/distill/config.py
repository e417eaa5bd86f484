"""Everything that `stillhouse distill run` can be told: the whole of one YAML file."""

from typing import Literal

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.distill.grader_settings import (
    CrossTokenizerSettings,
    DivergenceSettings,
    GraderSettings,
    JudgeGraderSettings,
    MixSettings,
    SingleGraderSettings,
    TopKSettings,
)
from stillhouse.distill.sections import (
    CheckpointSettings,
    EvaluationSettings,
    LoraSettings,
    OptimizerSettings,
    RolloutSettings,
    RoutedSource,
    StudentSettings,
    TeacherSettings,
)
from stillhouse.distill.settings_rules import check_together

__all__ = ["DistillSettings"]


def _at_most_eight(batch: int) -> int:
    return max(count for count in range(1, 9) if batch % count == 0)


class DistillSettings(Settings):
    """One distillation run."""

    teacher: TeacherSettings
    teachers: dict[str, TeacherSettings] = Field({}, description="further teachers by name, for judges and for routing")
    student: StudentSettings
    prompts: tuple[RoutedSource, ...] = Field(min_length=1, description="where the training prompts come from")
    grader: GraderSettings = Field(
        default_factory=DivergenceSettings,
        description="how: `divergence`, `top_k`, `sampled`, `imitation`, `cross_tokenizer`, `judge`, `mix`",
    )
    lmbda: float = Field(
        1.0, ge=0, le=1, description="share of prompts answered by the student; the rest are given answers"
    )
    given: Literal["reference", "teacher"] = Field(
        "teacher", description="off-policy answers: the file's own, or written by the teacher"
    )
    steps: int | None = Field(None, ge=1, description="optimiser steps; exactly one of `steps` and `minutes`")
    minutes: float | None = Field(
        None, gt=0, description="training time; the number of steps is fixed after measuring a few"
    )
    batch: int = Field(8, ge=1, description="answers per optimiser step")
    micro_batch: int = Field(
        default_factory=lambda known: _at_most_eight(known.get("batch", 8)),
        ge=1,
        description="answers per forward and backward pass; unset: 8, or the most below that `batch` is a multiple of",
    )
    temperature: float = Field(1.0, gt=0, description="of both models' distributions in the loss")
    loss_chunk: int = Field(512, ge=1, description="completion tokens whose vocabulary rows are held at once")
    max_prompt_tokens: int = Field(512, ge=1, description="a longer rendered prompt is an error")
    system: str | None = Field(None, description="system message put before prompts that have none")
    optimizer: OptimizerSettings = OptimizerSettings()
    rollout: RolloutSettings = RolloutSettings()
    lora: LoraSettings | None = None
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    activation_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass to save memory"
    )
    device: str = Field("auto", description="`auto`, `cpu`, `cuda`, `cuda:1`")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the matrix products; `auto` is bfloat16 where a GPU has it or a CPU is measured faster in it",
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads; unset measures which is fastest")
    reporter: Literal["none", "tensorboard", "wandb", "trackio"] = Field(
        "none", description="where metrics go besides metrics.jsonl"
    )
    seed: int = Field(0, ge=0, lt=10**9, description="of everything random")

    @model_validator(mode="after")
    def _together(self) -> "DistillSettings":
        check_together(self)
        return self

    @property
    def graders(self) -> tuple[SingleGraderSettings, ...]:
        """The grader, or the parts of a mixed one."""
        if isinstance(self.grader, MixSettings):
            return tuple(part.grader for part in self.grader.parts.values())
        return (self.grader,)

    @property
    def judge(self) -> JudgeGraderSettings | None:
        """The grader that judges, if there is one."""
        return next((part for part in self.graders if isinstance(part, JudgeGraderSettings)), None)

    def teacher_called(self, name: str) -> TeacherSettings:
        """`teacher`, or one of `teachers`."""
        return self.teacher if name == "teacher" else self.teachers[name]

    @property
    def reads_server(self) -> bool:
        """Whether the teacher's probabilities come from a vLLM server: grader `top_k` and a `completions` endpoint."""
        endpoint = self.teacher.endpoint
        by_top_k = any(isinstance(part, TopKSettings) for part in self.graders)
        return by_top_k and endpoint is not None and endpoint.api == "completions"

    @property
    def crosses_tokenizers(self) -> bool:
        """Whether the teacher reads answers in tokens of its own."""
        return any(isinstance(part, CrossTokenizerSettings) for part in self.graders)
