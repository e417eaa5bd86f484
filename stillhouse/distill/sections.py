"""The sections of a distillation run's settings, one class each.

The meaning of a key is its `description`, from which the help text and the table in docs/distill.md are made, so a key
cannot exist without an explanation. What two keys of one section forbid each other stands here; what sections forbid
each other is in `settings_rules`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.distill.permission import Permission
from stillhouse.models.endpoint import ConnectionSettings, EndpointSettings

__all__ = [
    "CheckpointSettings",
    "EvaluationSettings",
    "LoraSettings",
    "OptimizerSettings",
    "PromptSource",
    "RolloutSettings",
    "RoutedSource",
    "ServerSettings",
    "StudentSettings",
    "TeacherSettings",
]


class TeacherSettings(Settings):
    """A model that grades: its weights are read here, or it is asked over an `endpoint`."""

    model: str = Field(description="`bundled`, a folder, or a hub name; with `endpoint` the name that is served there")
    revision: str | None = Field(None, description="hub revision")
    endpoint: EndpointSettings | None = Field(None, description="where the model is served, if it is only asked")
    permission: Permission = Field(
        description="licence or person that allows learning from this teacher; kept in the manifest and model card"
    )

    @model_validator(mode="after")
    def _revision_is_of_weights(self) -> "TeacherSettings":
        if self.endpoint is not None and self.revision is not None:
            raise ValueError("`revision` is of weights on the hub; leave it out where `endpoint` is given")
        return self


class StudentSettings(Settings):
    """The model that learns: a ready one (`model`), or one cut from another (`prune`, `layers`)."""

    model: str | None = Field(None, description="`bundled`, a folder, or a hub name")
    revision: str | None = Field(None, description="hub revision")
    prune: str | None = Field(None, description="cut the student out of this model (`bundled`, folder, hub name)")
    layers: int | None = Field(None, ge=1, description="with `prune`: how many decoder layers to keep")
    importance: Literal["kl", "block_influence"] = Field(
        "kl", description="with `prune`: how layers are ranked; `block_influence` is quicker, `kl` starts nearer"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "StudentSettings":
        if (self.model is None) == (self.prune is None):
            raise ValueError("student needs exactly one of `model` (a ready student) and `prune` (with `layers`)")
        if (self.prune is None) != (self.layers is None):
            raise ValueError("student.layers goes with student.prune; give both or neither")
        return self


class PromptSource(Settings):
    """Where prompts come from: a file by `path`, or a packaged source by `name`."""

    path: Path | None = Field(None, description="JSONL, JSON or Parquet: `messages`, `prompt`, GSM8K or Alpaca rows")
    name: Literal["instructions", "chitchat", "reasoning-gym", "magpie"] | None = Field(
        None, description="a source that comes with the package"
    )
    task: str | None = Field(None, description="with `reasoning-gym`: the name of the task")
    licence: str | None = Field(None, description="licence of the prompts in a file, kept in the manifest")
    limit: int | None = Field(None, ge=1, description="take at most this many prompts")
    seed: int = Field(0, ge=0, lt=10**9, description="seed of sources that are generated")

    @model_validator(mode="after")
    def _one_source(self) -> "PromptSource":
        if (self.path is None) == (self.name is None):
            raise ValueError("a prompt source needs exactly one of `path` and `name`")
        if (self.name == "reasoning-gym") != (self.task is not None):
            raise ValueError("`task` goes with `name: reasoning-gym`; give both or neither")
        if self.licence is not None and self.path is None:
            raise ValueError(f"`licence` goes with `path`; that of `{self.name}` is known, so leave it out")
        return self

    @property
    def title(self) -> str:
        """What it is called as a task in evaluation.json."""
        if self.path is not None:
            return self.path.stem
        return f"{self.name}/{self.task}" if self.task else str(self.name)


class RoutedSource(PromptSource):
    """A source of training prompts, which may have a teacher of its own."""

    teacher: str | None = Field(None, description="which of `teachers` grades the answers; unset: `teacher`")


class ServerSettings(Settings):
    """A vLLM server that holds the student and takes its new weights (docs/scale.md)."""

    model: str = Field(description="what the server calls the student")
    endpoint: ConnectionSettings


class RolloutSettings(Settings):
    """How the student answers."""

    answers: int = Field(1, ge=1, description="answers to each prompt, which a judge compares with each other")
    batch: int = Field(64, ge=1, description="answers decoded together; independent of the training batch")
    max_new_tokens: int = Field(64, ge=1, description="cap of one answer, in tokens")
    start_new_tokens: int | None = Field(
        None, ge=1, description="cap at the first step; grows linearly to `max_new_tokens` over `grow_steps`"
    )
    grow_steps: int = Field(0, ge=0, description="steps over which the cap grows")
    temperature: float = Field(1.0, gt=0, description="of sampling; the loss uses `temperature` of the run")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus; 1 samples from the whole distribution")
    repetition_stop: int = Field(
        24, ge=0, description="end an answer once its last this many tokens are a repeated cycle; 0 never"
    )
    steps_ahead: int = Field(
        1, ge=1, description="optimiser steps served by one rollout phase; 1 is strictly on-policy"
    )
    server: ServerSettings | None = Field(None, description="a vLLM server that writes the answers; none: written here")

    @model_validator(mode="after")
    def _growth(self) -> "RolloutSettings":
        if self.repetition_stop in (1, 2):
            raise ValueError("rollout.repetition_stop is too short to see a cycle three times; use 0 or at least 3")
        if (self.start_new_tokens is None) != (self.grow_steps == 0):
            raise ValueError("rollout.start_new_tokens goes with rollout.grow_steps; give both or neither")
        if self.start_new_tokens is not None and self.start_new_tokens > self.max_new_tokens:
            raise ValueError("rollout.start_new_tokens is above rollout.max_new_tokens; lower it")
        return self


MomentDecay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(Settings):
    """AdamW with linear warm-up, then decay."""

    lr: float = Field(3e-4, gt=0, description="peak learning rate")
    betas: tuple[MomentDecay, MomentDecay] = Field((0.9, 0.95), description="AdamW moment decays")
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay, on matrices only")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps spent warming up")
    decay: Literal["cosine", "linear", "constant"] = Field("cosine", description="shape after the warm-up")
    final: float = Field(0.1, ge=0, le=1, description="last learning rate as a share of the peak")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")


class LoraSettings(Settings):
    """Train low-rank adapters (peft) instead of all weights."""

    r: int = Field(16, ge=1, description="rank")
    alpha: int = Field(32, gt=0, description="scale")
    dropout: float = Field(0.0, ge=0, lt=1, description="adapter dropout")
    targets: str = Field("all-linear", description="module names, comma-separated, or `all-linear`")

    @model_validator(mode="after")
    def _not_the_head(self) -> "LoraSettings":
        if "lm_head" in self.targets:
            raise ValueError("lora.targets names lm_head, which the loss projects with as it is; leave it out")
        return self


class CheckpointSettings(Settings):
    """When a run saves itself."""

    every: int = Field(50, ge=1, description="optimiser steps between checkpoints")
    keep: int = Field(2, ge=1, description="checkpoints kept; the last good one is never removed")


class EvaluationSettings(Settings):
    """What is measured before and after, on prompts held out from training."""

    held_out: int = Field(64, ge=2, description="prompts kept away from training")
    max_new_tokens: int = Field(64, ge=1, description="cap of one evaluated answer")
    samples: int = Field(6, ge=0, description="answers shown side by side in the report")
    tasks: tuple[PromptSource, ...] = Field((), description="checkable tasks: exact match is reported for each")
    resamples: int = Field(2000, ge=100, description="bootstrap resamples for the intervals")

    @model_validator(mode="after")
    def _tasks(self) -> "EvaluationSettings":
        titles = [task.title for task in self.tasks]
        if any(task.name == "magpie" for task in self.tasks):
            raise ValueError("evaluation.tasks names `magpie`, whose prompts have no answer to check; leave it out")
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"evaluation.tasks has two tasks called '{title}'; rename a file, or drop one")
        return self
