"""One optimiser step: answers in, weights changed, figures out.

The order is the whole method: the teacher reads the answers, the loss compares, the student is corrected.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.graders import GradingInputs, TokenGrader
from stillhouse.distill.loss import Head, Rule
from stillhouse.distill.network import Network
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.phase import Writers
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import TrainingError

__all__ = ["Stopwatch", "backward", "optimiser_step"]


@dataclass
class Stopwatch:
    """Seconds by part. On a GPU the queue is drained at each reading, so that a part pays for its own work."""

    device: torch.device
    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0

    def start(self) -> None:
        self._last = self._now()

    def lap(self, part: str) -> None:
        """Add the time since the last reading to `part`."""
        now = self._now()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.clock()


def backward(
    writers: Writers,
    grader: TokenGrader,
    rollouts: Sequence[Rollout],
    settings: DistillSettings,
    watch: Stopwatch,
    coefficients: Sequence[float] | None = None,
) -> dict[str, float]:
    """Accumulate the gradient of the mean loss per completion token over `rollouts`, micro-batch by micro-batch.

    The micro-batches are dealt out to the writers' processes, all of which give the same `rollouts`. `coefficients`:
    how much the log-likelihood of each answer counts in the loss of the step, where a judge grades. Returns means per
    completion token: `loss`, and the rule's figures (`kl`, `entropy`), in nats.
    """
    student = writers.student
    total = sum(len(r.tokens) for r in rollouts)
    sums: dict[str, float] = {}
    for (teacher, part, cpu_batch), counts in writers.processes.dealt(_micro_batches(writers, rollouts, settings)):
        batch = cpu_batch.to(student.device)
        answers = [rollouts[i] for i in part]
        watch.lap("other")
        with torch.no_grad():
            reading = grader.read(teacher, batch, answers)
        watch.lap("teacher")
        coefficient_N = None
        if coefficients is not None:
            # The rules give losses per token, each with a share of 1 / total in the loss of the step.
            coefficient_N = torch.tensor([coefficients[i] * total for i in part], device=student.device)[batch.row_N]
        inputs = partial(
            GradingInputs,
            rollouts=answers,
            row_N=batch.row_N,
            token_N=batch.token_N,
            temperature=settings.temperature,
            chunk=settings.loss_chunk,
            reading=reading,
            coefficient_N=coefficient_N,
        )
        rule_of = partial(_rule, grader, inputs, watch)
        weight_N = torch.full((len(batch.token_N),), counts / total, device=student.device)
        out = student.loss(batch, rule_of, weight_N, settings.temperature, settings.loss_chunk)
        watch.lap("loss")
        out.loss.backward()
        watch.lap("student")
        for name, value in out.metrics.items() if counts else ():
            sums[name] = sums.get(name, 0.0) + value
    parts = writers.processes.gather(sums)
    return {name: sum(part.get(name, 0.0) for part in parts) / total for name in parts[0]}


@torch.no_grad()
def _rule(
    grader: TokenGrader, inputs: Callable[..., GradingInputs], watch: Stopwatch, hidden_NH: Tensor, head: Head
) -> Rule:
    """The rule for a micro-batch, made when the student has read it."""
    watch.lap("student")
    return grader.rule(inputs(student_hidden_NH=hidden_NH, student_head=head))


def _micro_batches(
    writers: Writers, rollouts: Sequence[Rollout], settings: DistillSettings
) -> list[tuple[Network | None, list[int], MicroBatch]]:
    """Each micro-batch with its teacher and with the answers (by index) that its `row_N` counts."""
    return [
        (teacher, part, batch)
        for teacher, part in writers.by_teacher(rollouts)
        for batch in micro_batches([rollouts[i] for i in part], settings.micro_batch)
    ]


def optimiser_step(
    writers: Writers,
    grader: TokenGrader,
    optimizer: MasterAdamW,
    rollouts: Sequence[Rollout],
    settings: DistillSettings,
    lr: float,
    step: int,
    watch: Stopwatch,
    coefficients: Sequence[float] | None = None,
) -> dict[str, float]:
    """`backward`, then one update at rate `lr`. TrainingError if loss or gradient is not finite.

    The weights are as they were before the step when that error is raised. Without answers there is nothing to learn
    and nothing is changed.
    """
    if not rollouts:
        return {"loss": 0.0, "grad_norm": 0.0, "lr": lr}
    means = backward(writers, grader, rollouts, settings, watch, coefficients)
    if not math.isfinite(means["loss"]):
        optimizer.drop_gradients()
        raise TrainingError(
            f"step {step + 1}: loss is {means['loss']}; the last checkpoint before it is kept: lower optimizer.lr or "
            "optimizer.clip and start a new run"
        )
    norm = optimizer.step(lr)
    watch.lap("optimizer")
    if not math.isfinite(norm):
        raise TrainingError(
            f"step {step + 1}: gradient norm is {norm}; the last checkpoint before it is kept: lower optimizer.lr or "
            "optimizer.clip and start a new run"
        )
    return {**means, "grad_norm": norm, "lr": lr}
