"""Everything that `stillhouse distill run` can be told, with its default and its meaning.

One class per section of the YAML file. The meaning of a key is its `description`, from which the help
text and the table in docs/distill.md are made, so a key cannot exist without an explanation.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.distill.grader_settings import (
    CrossTokenizerSettings,
    DivergenceSettings,
    GraderSettings,
    ImitationSettings,
    JudgeGraderSettings,
    MixSettings,
    PolicyGradientSettings,
    SampledSettings,
    SingleGraderSettings,
    TopKSettings,
)
from stillhouse.distill.judges.settings import MOST_IN_A_LIST, RankingSettings
from stillhouse.distill.permission import Permission
from stillhouse.models.endpoint import Budget, EndpointSettings, Prices

__all__ = [
    "CheckpointSettings",
    "DistillSettings",
    "EvaluationSettings",
    "LoraSettings",
    "OptimizerSettings",
    "PromptSource",
    "RolloutSettings",
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
    teacher: str | None = Field(None, description="which of `teachers` grades the answers; unset: `teacher`")

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


class ServerSettings(Settings):
    """A vLLM server that holds the student and takes its new weights (docs/scale.md)."""

    model: str = Field(description="what the server calls the student")
    endpoint: EndpointSettings


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


class DistillSettings(Settings):
    """One distillation run."""

    teacher: TeacherSettings
    teachers: dict[str, TeacherSettings] = Field({}, description="further teachers by name, for judges and for routing")
    student: StudentSettings
    prompts: tuple[PromptSource, ...] = Field(min_length=1, description="where the training prompts come from")
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
    micro_batch: int = Field(8, ge=1, description="answers per forward and backward pass")
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
    def _whole(self) -> "DistillSettings":
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("exactly one of `steps` and `minutes` says how long to train; give one")
        if self.batch % self.micro_batch:
            raise ValueError(f"batch {self.batch} is no multiple of micro_batch {self.micro_batch}; change either")
        if self.lora is not None and self.rollout.server is not None:
            raise ValueError("rollout.server takes whole weights, not adapters; take lora or rollout.server out")
        if [source.name for source in self.prompts].count("magpie") > 1:
            raise ValueError("prompts names `magpie` twice; give one such source with a higher limit")
        if self.batch % self.rollout.answers:
            raise ValueError(
                f"batch {self.batch} is no multiple of rollout.answers {self.rollout.answers}; change either"
            )
        if "teacher" in self.teachers:
            raise ValueError("teachers has one called `teacher`, which is the name of the first one; rename it")
        for source in self.prompts:
            if source.teacher is not None and source.teacher not in self.teachers:
                raise ValueError(f"prompts names the teacher '{source.teacher}', which is none of `teachers`; add it")
        self._routes_fit()
        self._servers_fit()
        for part in self.graders:
            self._fits(part)
        if self.judge is not None and self.steps is None:
            raise ValueError("`minutes` cannot be planned where a judge over the network sets the pace; give `steps`")
        if self.teacher.endpoint is not None:
            if self.lmbda < 1 and self.given == "teacher":
                raise ValueError(
                    "given answers are to be written by the teacher, which is only an endpoint; collect them first "
                    "(`stillhouse distill collect`) and set given to reference"
                )
            if any(source.name == "magpie" for source in self.prompts):
                raise ValueError("prompts names `magpie`, whose teacher needs weights; leave it out")
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

    def _fits(self, grader: SingleGraderSettings) -> None:
        own = (self.rollout.temperature, self.rollout.top_p) == (self.temperature, 1)
        match grader:
            case ImitationSettings() if self.lmbda > 0:
                raise ValueError("grader `imitation` learns from given answers only; set lmbda to 0")
            case SampledSettings() if self.lmbda < 1:
                raise ValueError(
                    "grader `sampled` estimates the reverse KL on the student's own answers only; set lmbda to 1"
                )
            case SampledSettings() if not own or self.rollout.steps_ahead > 1:
                raise ValueError(
                    "grader `sampled` estimates the reverse KL only on answers drawn from what is trained; set "
                    "rollout.temperature to temperature, rollout.top_p and rollout.steps_ahead to 1"
                )
            case CrossTokenizerSettings():
                self._cross_fits(grader, own)
            case JudgeGraderSettings():
                self._judge_fits(grader, own)
            case DivergenceSettings() | TopKSettings() | SampledSettings():
                if isinstance(grader, TopKSettings) and self.reads_server:
                    self._server_fits()
                    return
                routed = {source.teacher or "teacher" for source in self.prompts}
                for name in sorted(routed):
                    if self.teacher_called(name).endpoint is not None:
                        raise ValueError(
                            f"grader `{grader.kind}` reads the teacher's probabilities, and `{name}` is only an "
                            "endpoint; give a teacher whose weights are here, grade by `judge`, or serve it with vLLM "
                            "(api: completions) and grade by `top_k`"
                        )
            case _:
                pass

    def _servers_fit(self) -> None:
        served = [] if self.rollout.server is None else [self.rollout.server.endpoint]
        if self.reads_server and self.teacher.endpoint is not None:
            served.append(self.teacher.endpoint)
        for one in served:
            if one.budget != Budget() or one.prices != Prices() or one.cache is not None:
                raise ValueError(
                    "budget, prices and cache do nothing for a vLLM server, whose calls are neither counted nor kept; "
                    "leave them out"
                )

    def _routes_fit(self) -> None:
        routed = [source for source in self.prompts if source.teacher is not None]
        if not routed:
            return
        if any(source.name == "magpie" for source in routed):
            raise ValueError("prompts names `magpie`, which `teacher` itself writes; leave its `teacher` out")
        if self.lmbda < 1 and self.given == "teacher":
            raise ValueError(
                "prompts gives a source a teacher of its own, and given answers are written by `teacher`; set lmbda to "
                "1, or given to reference"
            )
        read = (DivergenceSettings, TopKSettings, SampledSettings)
        if not any(isinstance(part, read) for part in self.graders):
            raise ValueError(
                "prompts gives a source a teacher of its own, and no grader reads a teacher's probabilities of the "
                "student's tokens (`divergence`, `top_k`, `sampled`); leave `teacher` out there"
            )

    @property
    def reads_server(self) -> bool:
        """Whether the teacher's probabilities come from a vLLM server: grader `top_k` and a `completions` endpoint."""
        endpoint = self.teacher.endpoint
        by_top_k = any(isinstance(part, TopKSettings) for part in self.graders)
        return by_top_k and endpoint is not None and endpoint.api == "completions"

    def _server_fits(self) -> None:
        if self.temperature != 1:
            raise ValueError("temperature is not 1, at which alone a server gives probabilities; set it to 1")
        if any(source.teacher not in (None, "teacher") for source in self.prompts):
            raise ValueError("prompts names further teachers beside one whose probabilities are served; leave them out")

    @property
    def crosses_tokenizers(self) -> bool:
        """Whether the teacher reads answers in tokens of its own."""
        return any(isinstance(part, CrossTokenizerSettings) for part in self.graders)

    def _cross_fits(self, grader: CrossTokenizerSettings, own: bool) -> None:
        if len(self.graders) > 1 and not all(
            isinstance(part, CrossTokenizerSettings | JudgeGraderSettings) for part in self.graders
        ):
            raise ValueError(
                "grader.parts mixes `cross_tokenizer` with a grader that needs one tokenizer for both; keep one of them"
            )
        if self.teacher.endpoint is not None or any(source.teacher is not None for source in self.prompts):
            raise ValueError(
                "grader `cross_tokenizer` reads the probabilities of one teacher whose weights are here; give "
                "`teacher` without `endpoint`, and no teacher of its own to a prompt source"
            )
        if self.lmbda < 1 and self.given == "teacher":
            raise ValueError(
                "given answers of a teacher with another tokenizer are not in the student's tokens; collect them as "
                "text (`stillhouse distill collect`) and set given to reference, or set lmbda to 1"
            )
        if any(source.name == "magpie" for source in self.prompts):
            raise ValueError("prompts names `magpie`, whose teacher needs the student's tokenizer; leave it out")
        if grader.compare == "sampled" and (self.lmbda < 1 or not own or self.rollout.steps_ahead > 1):
            raise ValueError(
                "compare `sampled` estimates the reverse KL only on answers drawn from what is trained; set lmbda to "
                "1, rollout.temperature to temperature, rollout.top_p and rollout.steps_ahead to 1, or compare `binary`"
            )

    def _judge_fits(self, grader: JudgeGraderSettings, own: bool) -> None:
        if grader.by != "teacher" and grader.by not in self.teachers:
            raise ValueError(f"grader.by is '{grader.by}', which is none of `teachers`; add it, or leave `by` out")
        if self.teacher_called(grader.by).endpoint is None:
            raise ValueError(f"grader `judge` asks '{grader.by}', which has no `endpoint`; say where it is served")
        if self.rollout.answers < 2:
            raise ValueError("grader `judge` compares the answers to one prompt; set rollout.answers to at least 2")
        if self.lmbda < 1 and self.given == "reference":
            raise ValueError(
                "the given answers to one prompt are all the same, so a judge has nothing to compare; set lmbda to 1, "
                "or given to teacher"
            )
        ranking = isinstance(grader.method, RankingSettings) and grader.method.compare == "list"
        if ranking and self.rollout.answers > MOST_IN_A_LIST:
            raise ValueError(
                f"rollout.answers is {self.rollout.answers}, and a list holds at most {MOST_IN_A_LIST}; lower it, or "
                "set compare to pairs"
            )
        if isinstance(grader.learn, PolicyGradientSettings):
            self._policy_fits(grader.learn, own)

    def _policy_fits(self, learn: PolicyGradientSettings, own: bool) -> None:
        if self.lmbda < 1 or not own:
            raise ValueError(
                "learn `policy_gradient` needs answers drawn from what is trained; set lmbda to 1, rollout.temperature "
                "to temperature and rollout.top_p to 1, or learn by `best_of_n` or `dpo`"
            )
        if learn.clip is None and self.rollout.steps_ahead > 1:
            raise ValueError(
                "learn.clip is none, and without it answers of earlier weights are taken for the present ones'; set "
                "clip, or rollout.steps_ahead to 1"
            )
        if self.lora is not None and self.lora.dropout > 0:
            raise ValueError(
                "lora.dropout makes the student another one than the one that answered, which `policy_gradient` "
                "compares; set it to 0, or learn by `best_of_n`"
            )
        if self.rollout.server is not None and self.temperature != 1:
            raise ValueError(
                "a server tells the log-probabilities that `policy_gradient` needs at temperature 1 only; set "
                "temperature and rollout.temperature to 1"
            )
