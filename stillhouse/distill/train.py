"""The loop: the student answers, the teacher grades, the student is corrected.

Everything that a step depends on is a function of the settings and the step, except the weights and the
optimiser's moments, which checkpoints hold, and the answers, which the rollout store holds. That is why a
killed run that is resumed ends with the same bytes as one that was not.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stillhouse.distill import checkpoint
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt
from stillhouse.distill.graders import grader
from stillhouse.distill.judging import Judging
from stillhouse.distill.lesson import JudgedLessons, Lesson
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.phase import Writers, phase_rollouts
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.schedule import learning_rate
from stillhouse.distill.step import Stopwatch, optimiser_step
from stillhouse.distill.store import RolloutStore
from stillhouse.errors import TrainingError
from stillhouse.records import peak_memory_bytes

__all__ = ["Totals", "Trainer"]


@dataclass
class Totals:
    """Running sums of a run, kept in its checkpoints: tokens by part, and seconds of training."""

    values: dict[str, float] = field(default_factory=dict)

    def add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self.values[name] = self.values.get(name, 0.0) + amount

    def __getitem__(self, name: str) -> float:
        return self.values.get(name, 0.0)


class Trainer:
    """One run's moving parts. `step` counts optimiser steps done; `run` goes on from there to `steps`."""

    def __init__(
        self,
        writers: Writers,
        prompts: Sequence[EncodedPrompt],
        settings: DistillSettings,
        folder: Path,
        clock: Callable[[], float] = time.perf_counter,
        judging: Judging | None = None,
    ) -> None:
        self.writers, self.prompts, self.settings, self.clock = writers, prompts, settings, clock
        self.processes = writers.processes
        self.judged = None
        if judging is not None:
            with writers.student.whole():
                # The first process alone makes lessons, so a reference is kept there only.
                self.judged = JudgedLessons(writers.student, settings, judging, at_work=self.processes.first)
        self.store = RolloutStore(folder / "rollouts")
        self.checkpoints = folder / "checkpoints"
        writers.student.share_embedding_gradient()
        self.optimizer = MasterAdamW(
            writers.student.trainable(),
            settings.optimizer,
            sums=settings.batch > settings.micro_batch * self.processes.size or bool(writers.route),
            processes=self.processes,
        )
        self.grader = grader(settings.grader, writers.servers.teacher, writers.translation)
        self.step = 0
        self.totals = Totals()
        self._phase: tuple[int, list[Rollout]] | None = None
        self._saved: int | None = None  # the step of the newest checkpoint

    def resume(self) -> list[str]:
        """Take up the newest whole checkpoint, if any. Returns a line for each damaged one that was passed over."""
        found, damaged = checkpoint.load_latest(self.checkpoints)
        if found is not None:
            tensors, state = found
            self.optimizer.load(tensors)
            self.step, self.totals = state.step, Totals(dict(state.totals))
            self._saved = self.step
        return damaged

    def save(self) -> None:
        """Write a checkpoint of the present step, unless there is one: replacing a good one could lose it.

        TrainingError if the last update left a number that is not finite: the checkpoint before it stays.
        """
        if self._saved != self.step:
            tensors = self.optimizer.state()
            self.processes.from_first(lambda: self._write(tensors))
            self._saved = self.step

    def _write(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            if not tensor.isfinite().all():
                raise TrainingError(
                    f"step {self.step}: {name} is not finite after the update; the last checkpoint before it is "
                    "kept: lower optimizer.lr and start a new run"
                )
        state = checkpoint.CheckpointState(self.step, dict(self.totals.values))
        checkpoint.save(self.checkpoints, tensors, state, self.settings.checkpoint.keep)

    def answers(self, step: int, progress: Callable[[int], None] | None = None) -> list[Rollout]:
        """The answers of optimiser step `step`, from the store where the phase is there, else written now."""
        phase, offset = divmod(step, self.settings.rollout.steps_ahead)
        if self._phase is None or self._phase[0] != phase:
            stored = self.processes.from_first(lambda: self.store.read(phase))
            if stored is None:
                self.keep(phase, phase_rollouts(self.writers, self.prompts, self.settings, phase, progress))
                # As they are on disk, log-probabilities rounded: a resumed run must learn from the same numbers.
                stored = self.processes.from_first(lambda: self.store.read(phase))
                assert stored is not None
            self._phase = phase, stored
        batch = self.settings.batch
        return self._phase[1][offset * batch : (offset + 1) * batch]

    def _lesson(self, answers: list[Rollout]) -> Lesson:
        """What the step with these answers learns; the first process alone asks the judge, about the whole phase."""
        if self.judged is None:
            return Lesson(answers)
        assert self._phase is not None
        self.processes.from_first(partial(self.judged.judge, self._phase[1]))
        lesson = partial(self.judged.lesson, answers)
        with self.writers.student.whole():
            return self.processes.from_first(lesson)

    def keep(self, phase: int, rollouts: list[Rollout]) -> None:
        """Put the answers of a phase into the store."""
        self.processes.from_first(lambda: self.store.write(phase, rollouts))

    def run(
        self,
        steps: int,
        on_step: Callable[[int, dict[str, Any]], None],
        on_tokens: Callable[[int], None] | None = None,
    ) -> None:
        """Train up to `steps`, with a checkpoint every `checkpoint.every` steps and at the end.

        An interrupt (Ctrl-C) saves a checkpoint on its way out, after the update that it fell into. TrainingError
        leaves the last one as it was.
        """
        with self.processes.interrupts() as check:
            try:
                while self.step < steps:
                    self.one_step(steps, on_step, on_tokens)
                    if self.step % self.settings.checkpoint.every == 0 or self.step == steps:
                        self.save()
                    check()
            except KeyboardInterrupt:
                self.save()
                raise

    def one_step(
        self,
        steps: int,
        on_step: Callable[[int, dict[str, Any]], None] = lambda step, line: None,
        on_tokens: Callable[[int], None] | None = None,
    ) -> None:
        """One step of `steps`; `on_step` gets its number and its line of metrics.jsonl."""
        settings, device = self.settings, self.writers.student.device
        watch = Stopwatch(device, self.clock)
        began = self.clock()
        watch.start()
        answers = self.answers(self.step, on_tokens)
        watch.lap("rollout")
        lesson = self._lesson(answers)
        watch.lap("judge" if self.judged is not None else "other")
        # Dropout of adapters, if any: another one at each process.
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * self.processes.size + self.processes.rank)
        self.writers.student.model.train()
        lr = learning_rate(settings.optimizer, self.step, steps)
        with uninterrupted():
            figures = optimiser_step(
                self.writers,
                self.grader,
                self.optimizer,
                lesson.answers,
                settings,
                lr,
                self.step,
                watch,
                lesson.coefficients,
            )
            watch.lap("other")
            took = self.clock() - began
            self.step += 1
            self._count(answers, lesson.answers, took)
            on_step(self.step, self._line(answers, steps, {**figures, **lesson.figures}, watch, took))

    def _line(
        self, answers: Sequence[Rollout], steps: int, figures: dict[str, float], watch: Stopwatch, took: float
    ) -> dict[str, Any]:
        tokens = sum(len(a.tokens) for a in answers)
        return {
            "step": self.step,
            "of": steps,
            **figures,
            "tokens": int(self.totals["completion_tokens"]),
            "tokens_per_second": tokens / took,
            "answer_length": tokens / len(answers),
            "clipped_ratio": sum(a.finish_reason == "length" for a in answers) / len(answers),
            "repetition_ratio": sum(a.finish_reason == "repetition" for a in answers) / len(answers),
            "student_ratio": sum(a.source == "student" for a in answers) / len(answers),
            "seconds": {part: round(s, 4) for part, s in watch.seconds.items()},
            "elapsed": round(self.totals["seconds"], 3),
            "peak_rss_mb": round(peak_memory_bytes() / 2**20, 1),
        }

    def _count(self, answers: Sequence[Rollout], learnt: Sequence[Rollout], seconds: float) -> None:
        amounts = {"seconds": seconds}
        for part, written in (
            ("completion_tokens", answers),
            ("trained", learnt),
            ("student_written", [a for a in answers if a.source == "student"]),
            ("teacher_written", [a for a in answers if a.source == "teacher"]),
        ):
            amounts[part] = sum(len(a.tokens) for a in written)
            amounts[_READ[part]] = sum(len(a.prompt_tokens) for a in written)
        self.totals.add(**amounts)


_READ = {
    "completion_tokens": "prompt_tokens",
    "trained": "trained_read",
    "student_written": "student_read",
    "teacher_written": "teacher_read",
}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is done: a checkpoint of half an update would not be any step's.

    Then it goes to whoever handled it before.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # interrupts reach the main thread only
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held and callable(before):
        before(signal.SIGINT, None)
