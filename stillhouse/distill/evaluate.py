"""How close is the student to its teacher, and can it do what can be checked?

Everything is measured on prompts that training never sees, with the prompt as the unit of the bootstrap: the
tokens of one answer are not independent, and intervals that pretend they are come out several times too narrow.

* `kl_to_teacher`: KL(teacher || student) in nats per token on the teacher's own answers. It asks whether the
  student would have said what the teacher says.
* `on_policy_kl`: KL(student || teacher) on the student's own answers. It asks whether the teacher would have
  said what the student says.
* `top1_agreement`: share of positions in the teacher's answers at which both find the same token likeliest.
* `exact_match/<task>`: greedy answers to checkable prompts.

The first three need the teacher's probabilities of the student's own tokens. Where it is only an endpoint, or has
another tokenizer, they are there without a value, so that who reads the file finds every key and no number that was not
measured. Across tokenizers `kl_to_teacher_per_byte` and `on_policy_kl_per_byte` stand for the first two: the same
divergences, of whole answers and in nats per byte, estimated from sampled answers (see `span_kl`). Answers that were
cut bias them, so beside each stands the share of its answers that were: `cut_answers/teacher`, `cut_answers/student`.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.encode import EncodedPrompt, text_of
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.rollout import Rollout, generate
from stillhouse.distill.sampling import uniforms
from stillhouse.distill.sections import EvaluationSettings
from stillhouse.distill.span_kl import compare_spans
from stillhouse.distill.tasks import check
from stillhouse.distill.translation import Translation
from stillhouse.errors import TrainingError
from stillhouse.stats import Interval, ratio_of_sums, wilson
from stillhouse.types import Sampling

__all__ = ["Evaluator", "Sums", "compare", "exact_match", "hold_out", "row_record"]

_EVALUATION = 7
_DISTANCES = ("kl_to_teacher", "on_policy_kl", "top1_agreement")
_NOT_MEASURED = {"value": None, "low": None, "high": None, "n": 0, "method": "not measured"}
_ROWS = 64  # compared at once: half a dozen arrays of them are in memory


@dataclass(frozen=True, slots=True)
class Sums:
    """Per answer: tokens, sum of forward KL, of reverse KL (nats), and of positions where both agree."""

    tokens: list[int]
    forward_kl: list[float]
    reverse_kl: list[float]
    agreement: list[float]


@torch.no_grad()
def compare(student: Network, teacher: Network, rollouts: Sequence[Rollout], batch: int) -> Sums:
    """Compare both models' distributions at every token of every answer, at temperature 1, without gradients."""
    forward, reverse, agree, tokens = ([0.0] * len(rollouts) for _ in range(4))
    for cpu_batch in micro_batches(rollouts, batch):
        micro = cpu_batch.to(student.device)
        hidden_s, hidden_t = student.hidden(micro), teacher.hidden(micro)
        for rows_s, rows_t, owner in zip(
            hidden_s.split(_ROWS), hidden_t.split(_ROWS), cpu_batch.row_N.split(_ROWS), strict=True
        ):
            logp = torch.log_softmax(student.head.logits(rows_s), dim=-1)
            logq = torch.log_softmax(teacher.head.logits(rows_t), dim=-1)
            same = (logp.argmax(-1) == logq.argmax(-1)).tolist()
            ratio = logp - logq
            reverse_C = torch.linalg.vecdot(logp.exp_(), ratio).tolist()
            forward_C = torch.linalg.vecdot(logq.exp_(), ratio).neg_().tolist()
            for i, f, r, a in zip(owner.tolist(), forward_C, reverse_C, same, strict=True):
                forward[i] += f
                reverse[i] += r
                agree[i] += a
                tokens[i] += 1
    return Sums([int(t) for t in tokens], forward, reverse, agree)


class Evaluator:
    """Measures a student against its teacher on fixed prompts, with random numbers that are the same every time."""

    def __init__(
        self,
        writers: Writers,
        held_out: Sequence[EncodedPrompt],
        tasks: Sequence[tuple[str, Sequence[EncodedPrompt]]],
        settings: EvaluationSettings,
        *,
        seed: int,
        batch: int,
        repetition_stop: int,
        progress: Callable[[str], None] = lambda part: None,
    ) -> None:
        self.writers, self.held_out, self.tasks, self.settings = writers, held_out, tasks, settings
        self.seed, self.batch, self.repetition_stop = seed, batch, repetition_stop
        self.progress = progress

    def answers(self, who: str, prompts: Sequence[EncodedPrompt], temperature: float) -> list[Rollout]:
        """One answer to each prompt by `student` or `teacher`."""
        writers, between = self.writers, self.writers.translation
        network = writers.student if who == "student" else writers.teacher
        assert network is not None
        network.model.eval()
        asked: list[tuple[str, Sequence[int]]] = [(p.prompt.id, p.tokens) for p in prompts]
        ends = writers.ends
        if who == "teacher" and between is not None:
            asked, ends = between.prompts_of_teacher(prompts), between.teacher.ends
        sampling = Sampling(
            max_tokens=self.settings.max_new_tokens, temperature=temperature, repetition_stop=self.repetition_stop
        )
        return generate(
            network.model,
            network.head,
            asked,
            sampling,
            eos=ends,
            uniforms=uniforms(self.seed, _EVALUATION, len(prompts), sampling.max_tokens),
            batch=self.batch,
            source=who,
        )

    def teacher(self, own: Sequence[Rollout] | None) -> dict[str, Interval]:
        """The teacher's row: its distance from itself by definition, its tasks and answer length measured.

        Empty where it is only an endpoint (`own` is None).
        """
        if own is None:
            return {}
        n = len(own)
        exact = {
            name: Interval(value, value, value, n, "by definition")
            for name, value in (("kl_to_teacher", 0.0), ("on_policy_kl", 0.0), ("top1_agreement", 1.0))
        }
        return {**exact, **self._tasks("teacher"), "answer_length": self._length(own)}

    def teacher_answers(self) -> list[Rollout] | None:
        """The teacher's sampled answers to the held-out prompts; None where it is only an endpoint."""
        return None if self.writers.teacher is None else self.answers("teacher", self.held_out, 1.0)

    def student(self, teacher_answers: Sequence[Rollout] | None) -> tuple[dict[str, Interval], list[Rollout]]:
        """The student's row, and its own sampled answers to the held-out prompts."""
        self.writers.student.model.eval()
        self.progress("student's answers")
        own = self.answers("student", self.held_out, 1.0)
        distances = {} if teacher_answers is None else self._distances(teacher_answers, own)
        return {**distances, **self._tasks("student"), "answer_length": self._length(own)}, own

    def _distances(self, given: Sequence[Rollout], own: Sequence[Rollout]) -> dict[str, Interval]:
        self.progress("distance from the teacher")
        if self.writers.translation is not None:
            assert self.writers.teacher is not None
            return self._across_tokenizers(self.writers.translation, self.writers.teacher, given, own)
        theirs, mine = self._compared(given), self._compared(own)
        if not all(map(math.isfinite, theirs.forward_kl + mine.reverse_kl)):
            raise TrainingError(
                "the student's distance from its teacher is not a finite number, so its weights have overflowed; lower "
                "optimizer.lr and start a new run"
            )
        return {
            "kl_to_teacher": self._mean(theirs.forward_kl, theirs.tokens),
            "on_policy_kl": self._mean(mine.reverse_kl, mine.tokens),
            "top1_agreement": self._mean(theirs.agreement, theirs.tokens),
        }

    def _compared(self, answers: Sequence[Rollout]) -> Sums:
        """Each answer compared with what the teacher says that grades it."""
        count = len(answers)
        found = Sums([0] * count, [0.0] * count, [0.0] * count, [0.0] * count)
        for teacher, rows in self.writers.by_teacher(answers):
            assert teacher is not None
            part = compare(self.writers.student, teacher, [answers[i] for i in rows], self.batch)
            for whole, values in ((getattr(found, f.name), getattr(part, f.name)) for f in fields(Sums)):
                for i, value in zip(rows, values, strict=True):
                    whole[i] = value
        return found

    def _across_tokenizers(
        self, between: Translation, teacher: Network, given: Sequence[Rollout], own: Sequence[Rollout]
    ) -> dict[str, Interval]:
        student = self.writers.student
        row = {}
        for name, who, writer, reader, answers, reading in (
            ("kl_to_teacher_per_byte", "teacher", teacher, student, given, between.read_by_student(given)),
            ("on_policy_kl_per_byte", "student", student, teacher, own, between.read_by_teacher(own)),
        ):
            sums = compare_spans(writer, reader, answers, reading, self.batch)
            kept = [i for i, size in enumerate(sums.bytes) if size > 0]
            row[name] = self._mean([sums.log_ratio[i] for i in kept], [sums.bytes[i] for i in kept])
            row[f"cut_answers/{who}"] = wilson(sum(a.finish_reason != "stop" for a in answers), len(answers))
        return row

    def _tasks(self, who: str) -> dict[str, Interval]:
        row = {}
        for name, prompts in self.tasks:
            self.progress(name)
            greedy = self.answers(who, prompts, 0.0)
            row[f"exact_match/{name}"] = exact_match(self._tokenizer(who), prompts, greedy)
        return row

    def _tokenizer(self, who: str) -> PreTrainedTokenizerBase:
        between = self.writers.translation
        return self.writers.tokenizer if who == "student" or between is None else between.teacher.tokenizer

    def _mean(self, sums: Sequence[float], tokens: Sequence[int]) -> Interval:
        return ratio_of_sums(sums, tokens, resamples=self.settings.resamples, seed=self.seed)

    def _length(self, answers: Sequence[Rollout]) -> Interval:
        return self._mean([len(a.tokens) for a in answers], [1] * len(answers))


def row_record(row: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    """A row in the form of `evaluation.json`; measures of the distance that were not taken have no value."""
    return {**dict.fromkeys(_DISTANCES, _NOT_MEASURED), **{name: interval.as_dict() for name, interval in row.items()}}


def exact_match(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[EncodedPrompt], answers: Sequence[Rollout]
) -> Interval:
    """Share of answers whose extracted final answer is right, with Wilson's interval."""
    right = sum(check(p.prompt, text_of(tokenizer, a.tokens)) for p, a in zip(prompts, answers, strict=True))
    return wilson(right, len(prompts))


def hold_out(prompts: Sequence[EncodedPrompt], count: int) -> tuple[list[EncodedPrompt], list[EncodedPrompt]]:
    """`count` prompts for evaluation and the rest for training, chosen by the hash of each prompt's id.

    The choice depends on no order and no seed, so a prompt is held out of every run on the same prompts.
    """
    ranked = sorted(prompts, key=lambda p: zlib.crc32(p.prompt.id.encode()))
    chosen = {p.prompt.id for p in ranked[:count]}
    return [p for p in prompts if p.prompt.id in chosen], [p for p in prompts if p.prompt.id not in chosen]
