"""From settings to everything that a run needs in memory, with every check before the first file is written."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, encode_prompts, given_answer
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.judges.reference import reference_of
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.preflight import (
    check_context,
    check_finite,
    check_layers,
    check_same_ends,
    check_same_tokenizer,
    check_targets,
    closing_token,
    declared_ends,
    own_vocabulary,
)
from stillhouse.distill.prompts import Prompt, drop_duplicates, read_source, source_record
from stillhouse.distill.sections import LoraSettings, PromptSource, StudentSettings
from stillhouse.distill.tasks import is_checkable
from stillhouse.distill.translation import Side, Translation, translation
from stillhouse.errors import ConfigError
from stillhouse.models.local import load_model, load_tokenizer

__all__ = [
    "Data",
    "Models",
    "add_adapters",
    "check_prompts",
    "encode_all",
    "load_data",
    "load_models",
    "read_data",
    "translate",
]


@dataclass(frozen=True, slots=True)
class Models:
    """All models loaded and checked against each other. `student` is None where it is to be cut out of `source`.

    `teacher` and its tokenizer are None where it is only an endpoint; `others` are further teachers whose weights are
    here. `tokenizer` is the student's, whose chat template all prompts are written in.
    """

    teacher: PreTrainedModel | None
    student: PreTrainedModel | None
    source: PreTrainedModel | None
    tokenizer: PreTrainedTokenizerBase
    teacher_tokenizer: PreTrainedTokenizerBase | None
    vocabulary: int
    ends: frozenset[int]
    others: dict[str, PreTrainedModel] = field(default_factory=dict)
    teacher_ends: frozenset[int] = frozenset()

    def writers(
        self, student: Network, route: Mapping[str, str] | None = None, between: Translation | None = None
    ) -> Writers:
        """`route`: which of the other teachers grades the answers to a prompt, by its id.

        `between` student and teacher, where their tokenizers differ.
        """
        size = self.vocabulary if between is None else len(between.student_id_V)
        teacher = None if self.teacher is None else Network(self.teacher, size)
        others = {name: Network(model, self.vocabulary) for name, model in self.others.items()}
        return Writers(student, teacher, self.tokenizer, self.ends, others, route or {}, translation=between)


@dataclass(frozen=True, slots=True)
class Data:
    """Training and task prompts as read from their sources, and what the manifest says of each source.

    `route` names the teacher of each prompt, by id, that another than `teacher` grades.
    """

    prompts: list[Prompt]
    tasks: list[tuple[str, list[Prompt]]]
    records: list[dict[str, Any]]
    magpie: PromptSource | None
    route: dict[str, str] = field(default_factory=dict)


def read_data(settings: DistillSettings) -> Data:
    """Read every source. Task prompts are taken out of the training prompts, so that they stay unseen."""
    prompts: list[Prompt] = []
    records: list[dict[str, Any]] = []
    magpie = None
    first: dict[str, str | None] = {}  # a prompt belongs to the source that has it first
    for source in settings.prompts:
        if source.name == "magpie":
            magpie = source
            continue
        found, duplicates = read_source(source)
        records.append(_record(source, found, duplicates, "training"))
        prompts += found
        for prompt in found:
            first.setdefault(prompt.id, source.teacher)
    tasks = []
    for task in settings.evaluation.tasks:
        found, duplicates = read_source(task)
        records.append(_record(task, found, duplicates, "evaluation"))
        for prompt in found:
            if not is_checkable(prompt):
                raise ConfigError(
                    f"evaluation.tasks: prompt {prompt.id} of '{task.title}' has no answer that can be checked; "
                    "give a reasoning-gym task, or a file with `answer`"
                )
        tasks.append((task.title, found))
    checked = {p.id for _, found in tasks for p in found}
    prompts = [p for p in drop_duplicates(prompts)[0] if p.id not in checked]
    return Data(prompts, tasks, records, magpie, {id: name for id, name in first.items() if name is not None})


def load_data(settings: DistillSettings) -> Data:
    """`read_data` for training: `check_prompts` too, unless the teacher has yet to write prompts."""
    data = read_data(settings)
    if data.magpie is None:
        check_prompts(data, settings)
    return data


def check_prompts(data: Data, settings: DistillSettings) -> None:
    """ConfigError if too few are left to train on, RecordError if one lacks the given answer that training needs."""
    if len(data.prompts) <= settings.evaluation.held_out:
        raise ConfigError(
            f"prompts: {len(data.prompts)} different ones, of which evaluation.held_out keeps "
            f"{settings.evaluation.held_out}; add prompts or lower evaluation.held_out"
        )
    if settings.lmbda < 1 and settings.given == "reference":
        for prompt in data.prompts:
            given_answer(prompt)
    if settings.judge is not None and settings.judge.method.kind == "reference":
        for prompt in data.prompts:
            reference_of(prompt)


def load_models(settings: DistillSettings, hardware: Hardware, started: Path | None) -> Models:
    """Load teacher and student and check that they fit. `started`: a resumed run's own start of a cut student."""
    student_name, revision = _student_name(settings.student)
    here = {
        name: teacher
        for name, teacher in {"teacher": settings.teacher, **settings.teachers}.items()
        if teacher.endpoint is None
    }
    tokenizers = {name: load_tokenizer(teacher.model, teacher.revision) for name, teacher in here.items()}
    tokenizer = load_tokenizer(student_name, revision)
    vocabulary = own_vocabulary(tokenizer)
    sizes = dict.fromkeys([*here, "student"], vocabulary)
    for name, theirs in tokenizers.items():
        if name == "teacher" and settings.crosses_tokenizers:
            sizes[name] = own_vocabulary(theirs)
        else:
            check_same_tokenizer(theirs, tokenizer, here[name].model, student_name)
    dtype, device = hardware.torch_dtype, hardware.device
    teachers = {
        name: load_model(teacher.model, revision=teacher.revision, dtype=dtype, device=device)
        for name, teacher in here.items()
    }
    for model in teachers.values():
        model.requires_grad_(False)
    teacher = teachers.pop("teacher", None)
    to_cut = settings.student.layers if started is None else None
    if teacher is not None and to_cut is not None and _same(settings, student_name, revision):
        learner = teacher
    else:
        where = student_name if started is None else str(started)
        learner = load_model(where, revision=revision if started is None else None, dtype=dtype, device=device)
    roles = {"student": (student_name, learner), **{name: (here[name].model, m) for name, m in teachers.items()}}
    if teacher is not None:
        roles["teacher"] = (settings.teacher.model, teacher)
    for role, (name, model) in roles.items():
        check_finite(name, model)
        Network(model, sizes[role]).check_packing(name)
    own_ends = declared_ends(learner, tokenizer)
    teacher_ends = own_ends if teacher is None else declared_ends(teacher, tokenizers["teacher"])
    ends = own_ends if settings.crosses_tokenizers else teacher_ends
    check_same_ends(ends, own_ends, tokenizer)
    ends |= {closing_token(tokenizer, own_ends)}
    check_context(list(roles.values()), _longest(settings))
    if settings.lora is not None:
        check_targets(student_name, learner, settings.lora.targets)
    if to_cut is not None:
        check_layers(student_name, learner, to_cut)
    student, source = (learner, None) if to_cut is None else (None, learner)
    return Models(
        teacher, student, source, tokenizer, tokenizers.get("teacher"), vocabulary, ends, teachers, teacher_ends
    )


def encode_all(models: Models, settings: DistillSettings, prompts: Sequence[Prompt]) -> list[EncodedPrompt]:
    """Prompts by the student's template."""
    return encode_prompts(models.tokenizer, prompts, longest=settings.max_prompt_tokens, system=settings.system)


def translate(models: Models, settings: DistillSettings, encoded: Sequence[EncodedPrompt]) -> Translation | None:
    """Between student and teacher, for these prompts of the student's; None where they share a tokenizer.

    RecordError for a prompt that is too long in the teacher's tokens.
    """
    if not settings.crosses_tokenizers:
        return None
    assert models.teacher_tokenizer is not None
    theirs = encode_prompts(
        models.teacher_tokenizer,
        [p.prompt for p in encoded],
        longest=settings.max_prompt_tokens,
        system=settings.system,
    )
    student = Side(
        _student_name(settings.student)[0], models.tokenizer, models.ends, {p.prompt.id: p.tokens for p in encoded}
    )
    teacher = Side(
        settings.teacher.model,
        models.teacher_tokenizer,
        models.teacher_ends,
        {p.prompt.id: p.tokens for p in theirs},
    )
    return translation(student, teacher)


def add_adapters(model: PreTrainedModel, lora: LoraSettings) -> Any:
    """The peft model around `model`, whose own weights are frozen."""
    from peft import LoraConfig, get_peft_model

    targets = lora.targets if lora.targets == "all-linear" else [t.strip() for t in lora.targets.split(",")]
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )
    try:
        with warnings.catch_warnings():
            # peft still asks by a name that transformers has replaced.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            return get_peft_model(model, config)
    except ValueError as error:
        raise ConfigError(f"lora.targets is '{lora.targets}': {str(error).partition('. ')[0]}") from None


def _record(source: PromptSource, found: list[Prompt], duplicates: int, used_for: str) -> dict[str, Any]:
    record = source_record(source, found, duplicates=duplicates, licence=source.licence)
    return {**record, "used_for": used_for}


def _same(settings: DistillSettings, student_name: str, revision: str | None) -> bool:
    return (student_name, revision) == (settings.teacher.model, settings.teacher.revision)


def _student_name(student: StudentSettings) -> tuple[str, str | None]:
    name = student.model or student.prune
    assert name is not None  # the settings class checks it
    return name, student.revision


def _longest(settings: DistillSettings) -> int:
    return settings.max_prompt_tokens + max(settings.rollout.max_new_tokens, settings.evaluation.max_new_tokens)
