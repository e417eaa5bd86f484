"""A rollout phase: the answers for the next few optimiser steps, from whoever should write them.

The answers to one prompt (`rollout.answers` of them) stand next to each other and have one writer, so that a judge can
compare them; a step takes whole groups.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.distributed import ALONE, Processes
from stillhouse.distill.encode import EncodedPrompt, encode_reference
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import closing_token
from stillhouse.distill.remote import Servers, answer_seeds, remote_rollouts
from stillhouse.distill.rollout import Rollout, generate
from stillhouse.distill.sampling import uniforms
from stillhouse.distill.schedule import answer_cap, prompt_order, student_answers
from stillhouse.distill.translation import Translation
from stillhouse.types import Sampling

__all__ = ["Writers", "phase_rollouts", "write_answers"]

_STUDENT, _TEACHER = 2, 3


@dataclass(frozen=True, slots=True)
class Writers:
    """Who can answer, and with which tokens a turn ends.

    `teacher` is None where it is only an endpoint. `others` are further teachers by name, and `route` says which of
    them grades the answers to a prompt, by the prompt's id; `teacher` grades the rest. `processes` share the work;
    `servers` hold models that are served. `translation` is between student and teacher of different tokenizers.
    """

    student: Network
    teacher: Network | None
    tokenizer: PreTrainedTokenizerBase
    ends: frozenset[int]
    others: Mapping[str, Network] = field(default_factory=dict)
    route: Mapping[str, str] = field(default_factory=dict)
    processes: Processes = ALONE
    servers: Servers = field(default_factory=Servers)
    translation: Translation | None = None

    def teacher_of(self, rollout: Rollout) -> Network | None:
        """The teacher that grades this answer by probability."""
        name = self.route.get(rollout.prompt_id)
        return self.teacher if name is None else self.others[name]

    def by_teacher(self, rollouts: Sequence[Rollout]) -> list[tuple[Network | None, list[int]]]:
        """The answers (by index) that each teacher grades, so that what is read together has one teacher."""
        parts: dict[int, tuple[Network | None, list[int]]] = {}
        for i, rollout in enumerate(rollouts):
            teacher = self.teacher_of(rollout)
            parts.setdefault(id(teacher), (teacher, []))[1].append(i)
        return list(parts.values())


def phase_rollouts(
    writers: Writers,
    prompts: Sequence[EncodedPrompt],
    settings: DistillSettings,
    phase: int,
    progress: Callable[[int], None] | None = None,
) -> list[Rollout]:
    """The answers of phase `phase`, in training order: `batch * steps_ahead` of them."""
    each = settings.rollout.answers
    count = settings.batch * settings.rollout.steps_ahead
    groups = count // each
    order = prompt_order(settings.seed, len(prompts), phase * groups, groups)
    chosen = [prompts[i] for i in order for _ in range(each)]
    by_student = [who for who in student_answers(settings, phase, groups) for _ in range(each)]
    cap = answer_cap(settings, phase * settings.rollout.steps_ahead)
    answers: list[Rollout | None] = [None] * count
    mine = [i for i in range(count) if by_student[i]]
    given = [i for i in range(count) if not by_student[i]]
    stream = settings.seed * 8
    served = writers.servers.student
    if served is not None and mine:
        with writers.student.whole():
            writers.processes.from_first(lambda: served.publish(writers.student, chosen[mine[0]].tokens))
    for i, r in zip(
        mine,
        write_answers(writers, "student", [chosen[i] for i in mine], settings, cap, stream + _STUDENT, phase, progress),
        strict=True,
    ):
        answers[i] = r
    if settings.given == "teacher":
        written = write_answers(
            writers, "teacher", [chosen[i] for i in given], settings, cap, stream + _TEACHER, phase, progress
        )
    else:
        eos = closing_token(writers.tokenizer, writers.ends)
        written = [_reference(writers.tokenizer, chosen[i], eos, cap) for i in given]
    for i, r in zip(given, written, strict=True):
        answers[i] = r
    return [r for r in answers if r is not None]


def write_answers(
    writers: Writers,
    who: str,
    prompts: Sequence[EncodedPrompt],
    settings: DistillSettings,
    cap: int,
    seed: int,
    stream: int,
    progress: Callable[[int], None] | None = None,
) -> list[Rollout]:
    """One sampled answer to each prompt by `student` or `teacher`, at most `cap` tokens."""
    if not prompts:
        return []
    network = writers.student if who == "student" else writers.teacher
    if network is None:
        raise ValueError("the teacher is only an endpoint, so it cannot write with the student's tokens")
    rollout = settings.rollout
    sampling = Sampling(
        max_tokens=cap,
        temperature=rollout.temperature,
        top_p=rollout.top_p,
        repetition_stop=rollout.repetition_stop,
    )
    # Of prompts sorted by length every process gets every n-th, so that all have about as much to do.
    rows = sorted(range(len(prompts)), key=lambda i: len(prompts[i].tokens))
    rows = rows[writers.processes.rank :: writers.processes.size]
    was_training = network.model.training
    network.model.eval()
    asked = [(prompts[i].prompt.id, prompts[i].tokens) for i in rows]
    served = writers.servers.student if who == "student" else None
    if served is not None:
        answers = remote_rollouts(
            served.server,
            asked,
            sampling,
            ends=writers.ends,
            vocabulary=network.vocabulary,
            seeds=answer_seeds(seed, stream, rows),
            source=who,
        )
        if progress is not None:
            progress(sum(len(r.tokens) for r in answers))
    else:
        with network.whole():
            answers = generate(
                network.model,
                network.head,
                asked,
                sampling,
                eos=writers.ends,
                uniforms=uniforms(seed, stream, len(prompts), cap)[rows],
                batch=rollout.batch,
                source=who,
                progress=progress,
            )
    network.model.train(was_training)
    return writers.processes.merged(dict(zip(rows, answers, strict=True)))


def _reference(tokenizer: PreTrainedTokenizerBase, prompt: EncodedPrompt, eos: int, cap: int) -> Rollout:
    tokens = encode_reference(tokenizer, prompt.prompt, eos, cap)
    reason = "stop" if tokens[-1] == eos else "length"
    return Rollout(prompt.prompt.id, prompt.tokens, tokens, (), reason, "reference")
