"""One optimiser step: answers in, weights changed, figures out.

The order is the whole method: the teacher reads the answers, the loss compares, the student is corrected.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.distributed import ALONE, Processes
from stillhouse.distill.graders import TokenGrader
from stillhouse.distill.network import Network
from stillhouse.distill.optimizer import MasterAdamW
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
    student: Network,
    teacher: Network,
    grader: TokenGrader,
    rollouts: Sequence[Rollout],
    settings: DistillSettings,
    watch: Stopwatch,
    processes: Processes = ALONE,
) -> dict[str, float]:
    """Accumulate the gradient of the mean loss per completion token over `rollouts`, micro-batch by micro-batch.

    The micro-batches are dealt out to `processes`, all of which give the same `rollouts`. Returns means per completion
    token: `loss`, and the rule's figures (`kl`, `entropy`), in nats.
    """
    total = sum(len(r.tokens) for r in rollouts)
    sums: dict[str, float] = {}
    for cpu_batch, counts in processes.dealt(micro_batches(rollouts, settings.micro_batch)):
        batch = cpu_batch.to(student.device)
        watch.lap("other")
        hidden = None
        if grader.needs_teacher:
            with torch.no_grad():
                hidden = teacher.hidden(batch)
        watch.lap("teacher")
        with torch.no_grad() if grader.needs_teacher else nullcontext():
            rule = grader.rule(hidden, teacher.head, batch.token_N, settings.temperature, settings.loss_chunk)
        watch.lap("loss")
        weight_N = torch.full((len(batch.token_N),), counts / total, device=student.device)
        out = student.loss(
            batch, rule, weight_N, settings.temperature, settings.loss_chunk, partial(watch.lap, "student")
        )
        watch.lap("loss")
        out.loss.backward()
        watch.lap("student")
        for name, value in out.metrics.items() if counts else ():
            sums[name] = sums.get(name, 0.0) + value
    parts = processes.gather(sums)
    return {name: sum(part.get(name, 0.0) for part in parts) / total for name in parts[0]}


def optimiser_step(
    student: Network,
    teacher: Network,
    grader: TokenGrader,
    optimizer: MasterAdamW,
    rollouts: Sequence[Rollout],
    settings: DistillSettings,
    lr: float,
    step: int,
    watch: Stopwatch,
    processes: Processes = ALONE,
) -> dict[str, float]:
    """`backward`, then one update at rate `lr`. TrainingError if loss or gradient is not finite.

    The weights are as they were before the step when that error is raised.
    """
    means = backward(student, teacher, grader, rollouts, settings, watch, processes)
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
