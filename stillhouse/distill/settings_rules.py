"""Which settings of one run go together: every pair that would be passed over in silence, or be wrong, is refused here.

A rule names both settings and the way out. It is checked when the file is read, before a model is.
"""

from typing import TYPE_CHECKING

from stillhouse.distill.grader_settings import (
    CrossTokenizerSettings,
    DivergenceSettings,
    ImitationSettings,
    JudgeGraderSettings,
    PolicyGradientSettings,
    SampledSettings,
    SingleGraderSettings,
    TopKSettings,
)
from stillhouse.distill.judges.settings import MOST_IN_A_LIST, RankingSettings
from stillhouse.models.endpoint import ConnectionSettings, EndpointSettings

if TYPE_CHECKING:
    from stillhouse.distill.config import DistillSettings

__all__ = ["check_together"]


def check_together(settings: "DistillSettings") -> None:
    """ValueError, in one line with its remedy, for the first rule that the settings break."""
    if (settings.steps is None) == (settings.minutes is None):
        raise ValueError("exactly one of `steps` and `minutes` says how long to train; give one")
    if settings.batch % settings.micro_batch:
        raise ValueError(f"batch {settings.batch} is no multiple of micro_batch {settings.micro_batch}; change either")
    if settings.lora is not None and settings.rollout.server is not None:
        raise ValueError("rollout.server takes whole weights, not adapters; take lora or rollout.server out")
    if [source.name for source in settings.prompts].count("magpie") > 1:
        raise ValueError("prompts names `magpie` twice; give one such source with a higher limit")
    if settings.batch % settings.rollout.answers:
        raise ValueError(
            f"batch {settings.batch} is no multiple of rollout.answers {settings.rollout.answers}; change either"
        )
    if "teacher" in settings.teachers:
        raise ValueError("teachers has one called `teacher`, which is the name of the first one; rename it")
    for source in settings.prompts:
        if source.teacher is not None and source.teacher not in settings.teachers:
            raise ValueError(f"prompts names the teacher '{source.teacher}', which is none of `teachers`; add it")
    _routes_fit(settings)
    _teachers_are_named(settings)
    _vllm_teacher_fits(settings)
    for part in settings.graders:
        _fits(settings, part)
    if settings.judge is not None and settings.steps is None:
        raise ValueError("`minutes` cannot be planned where a judge over the network sets the pace; give `steps`")
    if settings.teacher.endpoint is not None:
        if settings.lmbda < 1 and settings.given == "teacher":
            raise ValueError(
                "given answers are to be written by the teacher, which is only an endpoint; collect them first "
                "(`stillhouse distill collect`) and set given to reference"
            )
        if any(source.name == "magpie" for source in settings.prompts):
            raise ValueError("prompts names `magpie`, whose teacher needs weights; leave it out")


def _routes_fit(settings: "DistillSettings") -> None:
    routed = [source for source in settings.prompts if source.teacher is not None]
    if not routed:
        return
    if any(source.name == "magpie" for source in routed):
        raise ValueError("prompts names `magpie`, which `teacher` itself writes; leave its `teacher` out")
    if settings.lmbda < 1 and settings.given == "teacher":
        raise ValueError(
            "prompts gives a source a teacher of its own, and given answers are written by `teacher`; set lmbda to "
            "1, or given to reference"
        )
    read = (DivergenceSettings, TopKSettings, SampledSettings)
    if not any(isinstance(part, read) for part in settings.graders):
        raise ValueError(
            "prompts gives a source a teacher of its own, and no grader reads a teacher's probabilities of the "
            "student's tokens (`divergence`, `top_k`, `sampled`); leave `teacher` out there"
        )


def _teachers_are_named(settings: "DistillSettings") -> None:
    judges = {part.by for part in settings.graders if isinstance(part, JudgeGraderSettings)}
    for name in settings.teachers:
        if name not in judges | {source.teacher for source in settings.prompts}:
            raise ValueError(
                f"teachers has '{name}', which no prompt source (`teacher`) and no judge (`by`) names, so it would do "
                "nothing; name it there, or leave it out"
            )


def _vllm_teacher_fits(settings: "DistillSettings") -> None:
    endpoint = settings.teacher.endpoint
    if endpoint is None or not settings.reads_server:
        return
    used = {*ConnectionSettings.model_fields, "api"}
    own = {name: field for name, field in EndpointSettings.model_fields.items() if name not in used}
    if idle := [name for name, field in own.items() if getattr(endpoint, name) != field.get_default()]:
        raise ValueError(
            f"teacher.endpoint sets {', '.join(idle)}, which does nothing for a vLLM server that `top_k` reads: calls "
            "to it are for one answer each, and neither counted nor kept; leave that out"
        )


def _fits(settings: "DistillSettings", grader: SingleGraderSettings) -> None:
    own = (settings.rollout.temperature, settings.rollout.top_p) == (settings.temperature, 1)
    match grader:
        case ImitationSettings() if settings.lmbda > 0:
            raise ValueError("grader `imitation` learns from given answers only; set lmbda to 0")
        case SampledSettings() if settings.lmbda < 1:
            raise ValueError(
                "grader `sampled` estimates the reverse KL on the student's own answers only; set lmbda to 1"
            )
        case SampledSettings() if not own or settings.rollout.steps_ahead > 1:
            raise ValueError(
                "grader `sampled` estimates the reverse KL only on answers drawn from what is trained; set "
                "rollout.temperature to temperature, rollout.top_p and rollout.steps_ahead to 1"
            )
        case CrossTokenizerSettings():
            _cross_fits(settings, grader, own)
        case JudgeGraderSettings():
            _judge_fits(settings, grader, own)
        case DivergenceSettings() | TopKSettings() | SampledSettings():
            if isinstance(grader, TopKSettings) and settings.reads_server:
                _server_fits(settings)
                return
            routed = {source.teacher or "teacher" for source in settings.prompts}
            for name in sorted(routed):
                if settings.teacher_called(name).endpoint is not None:
                    raise ValueError(
                        f"grader `{grader.kind}` reads the teacher's probabilities, and `{name}` is only an "
                        "endpoint; give a teacher whose weights are here, grade by `judge`, or serve it with vLLM "
                        "(api: completions) and grade by `top_k`"
                    )
        case _:
            pass


def _server_fits(settings: "DistillSettings") -> None:
    if settings.temperature != 1:
        raise ValueError("temperature is not 1, at which alone a server gives probabilities; set it to 1")
    if any(source.teacher not in (None, "teacher") for source in settings.prompts):
        raise ValueError("prompts names further teachers beside one whose probabilities are served; leave them out")


def _cross_fits(settings: "DistillSettings", grader: CrossTokenizerSettings, own: bool) -> None:
    if len(settings.graders) > 1 and not all(
        isinstance(part, CrossTokenizerSettings | JudgeGraderSettings) for part in settings.graders
    ):
        raise ValueError(
            "grader.parts mixes `cross_tokenizer` with a grader that needs one tokenizer for both; keep one of them"
        )
    if settings.teacher.endpoint is not None or any(source.teacher is not None for source in settings.prompts):
        raise ValueError(
            "grader `cross_tokenizer` reads the probabilities of one teacher whose weights are here; give "
            "`teacher` without `endpoint`, and no teacher of its own to a prompt source"
        )
    if settings.lmbda < 1 and settings.given == "teacher":
        raise ValueError(
            "given answers of a teacher with another tokenizer are not in the student's tokens; collect them as "
            "text (`stillhouse distill collect`) and set given to reference, or set lmbda to 1"
        )
    if any(source.name == "magpie" for source in settings.prompts):
        raise ValueError("prompts names `magpie`, whose teacher needs the student's tokenizer; leave it out")
    if grader.compare == "sampled" and (settings.lmbda < 1 or not own or settings.rollout.steps_ahead > 1):
        raise ValueError(
            "compare `sampled` estimates the reverse KL only on answers drawn from what is trained; set lmbda to "
            "1, rollout.temperature to temperature, rollout.top_p and rollout.steps_ahead to 1, or compare `binary`"
        )


def _judge_fits(settings: "DistillSettings", grader: JudgeGraderSettings, own: bool) -> None:
    if grader.by != "teacher" and grader.by not in settings.teachers:
        raise ValueError(f"grader.by is '{grader.by}', which is none of `teachers`; add it, or leave `by` out")
    if settings.teacher_called(grader.by).endpoint is None:
        raise ValueError(f"grader `judge` asks '{grader.by}', which has no `endpoint`; say where it is served")
    if settings.rollout.answers < 2:
        raise ValueError("grader `judge` compares the answers to one prompt; set rollout.answers to at least 2")
    if settings.lmbda < 1 and settings.given == "reference":
        raise ValueError(
            "the given answers to one prompt are all the same, so a judge has nothing to compare; set lmbda to 1, "
            "or given to teacher"
        )
    ranking = isinstance(grader.method, RankingSettings) and grader.method.compare == "list"
    if ranking and settings.rollout.answers > MOST_IN_A_LIST:
        raise ValueError(
            f"rollout.answers is {settings.rollout.answers}, and a list holds at most {MOST_IN_A_LIST}; lower it, or "
            "set compare to pairs"
        )
    if isinstance(grader.learn, PolicyGradientSettings):
        _policy_fits(settings, grader.learn, own)


def _policy_fits(settings: "DistillSettings", learn: PolicyGradientSettings, own: bool) -> None:
    if settings.lmbda < 1 or not own:
        raise ValueError(
            "learn `policy_gradient` needs answers drawn from what is trained; set lmbda to 1, rollout.temperature "
            "to temperature and rollout.top_p to 1, or learn by `best_of_n` or `dpo`"
        )
    if learn.clip is None and settings.rollout.steps_ahead > 1:
        raise ValueError(
            "learn.clip is none, and without it answers of earlier weights are taken for the present ones'; set "
            "clip, or rollout.steps_ahead to 1"
        )
    if settings.lora is not None and settings.lora.dropout > 0:
        raise ValueError(
            "lora.dropout makes the student another one than the one that answered, which `policy_gradient` "
            "compares; set it to 0, or learn by `best_of_n`"
        )
    if settings.rollout.server is not None and settings.temperature != 1:
        raise ValueError(
            "a server tells the log-probabilities that `policy_gradient` needs at temperature 1 only; set "
            "temperature and rollout.temperature to 1"
        )
