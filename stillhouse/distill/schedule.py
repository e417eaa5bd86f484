"""What happens at which step, as pure functions of the settings and the step.

Nothing here has state, so a resumed run needs none of it saved: learning rate, order of the prompts, length
cap and random numbers of step 1,000 are what they are.
"""

import math

import torch

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.sampling import uniforms
from stillhouse.distill.sections import OptimizerSettings

__all__ = ["answer_cap", "learning_rate", "prompt_order", "student_answers"]

_ORDER, _WHO = 0, 1


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """The rate of `step` (0-based) of `steps`: linear warm-up, then the chosen decay to `final` of the peak."""
    warmup = max(1, round(settings.warmup * steps)) if settings.warmup else 0
    if step < warmup:
        return settings.lr * (step + 1) / warmup
    if settings.decay == "constant":
        return settings.lr
    progress = (step - warmup) / max(1, steps - 1 - warmup)
    shape = 1 - progress if settings.decay == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
    return settings.lr * (settings.final + (1 - settings.final) * shape)


def prompt_order(seed: int, n: int, start: int, count: int) -> list[int]:
    """Entries `start` to `start + count` of an endless order in which every n form a permutation of range(n)."""
    order: list[int] = []
    epoch, offset = divmod(start, n)
    while len(order) < count:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) * 8 + _ORDER)
        order += torch.randperm(n, generator=generator).tolist()[offset:]
        epoch, offset = epoch + 1, 0
    return order[:count]


def student_answers(settings: DistillSettings, phase: int, count: int) -> list[bool]:
    """Which of a phase's `count` prompts the student answers; the others have given answers (`lmbda`)."""
    draws = uniforms(settings.seed * 8 + _WHO, phase, count, 1)[:, 0]
    return (draws < settings.lmbda).tolist()


def answer_cap(settings: DistillSettings, step: int) -> int:
    """Largest number of tokens in an answer written for `step`."""
    rollout = settings.rollout
    if rollout.start_new_tokens is None or step >= rollout.grow_steps:
        return rollout.max_new_tokens
    grown = (rollout.max_new_tokens - rollout.start_new_tokens) * step / rollout.grow_steps
    return rollout.start_new_tokens + int(grown)
