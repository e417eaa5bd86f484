"""How many steps fit in the minutes that a run was given: measured on the machine it runs on, before it trains."""

import math

from stillhouse.distill.phase import phase_rollouts
from stillhouse.distill.schedule import answer_cap
from stillhouse.distill.step import Stopwatch, backward
from stillhouse.distill.train import Trainer

__all__ = ["steps_for"]


def steps_for(trainer: Trainer, minutes: float) -> int:
    """How many steps fit in `minutes`, from writing the first phase, two passes over its first batch and one update.

    The answers are written, and timed, even where a killed run has left them. Times grow with the length of
    answers, so they are scaled to the full cap where the first phase has a lower one. The faster pass counts:
    the first one also warms up. Nothing is lost: the answers go to the store, the gradients are dropped, and
    the update is made to copies.
    """
    settings = trainer.settings
    start = trainer.clock()
    written = phase_rollouts(trainer.writers, trainer.prompts, settings, 0)
    rollout = (trainer.clock() - start) / settings.rollout.steps_ahead
    if trainer.processes.from_first(lambda: trainer.store.read(0)) is None:
        trainer.keep(0, written)
    answers = trainer.answers(0)
    trainer.writers.student.model.train()
    taken = []
    for _ in range(2):
        trainer.optimizer.drop_gradients()
        watch = Stopwatch(trainer.writers.student.device, trainer.clock)
        watch.start()
        backward(trainer.writers, trainer.grader, answers, settings, watch)
        watch.lap("other")
        taken.append(sum(watch.seconds.values()))
    update = _update_seconds(trainer)
    longer = settings.rollout.max_new_tokens / answer_cap(settings, 0)
    return max(1, math.floor(minutes * 60 / ((rollout + min(taken)) * longer + update)))


def _update_seconds(trainer: Trainer) -> float:
    """Seconds of one update of copies of the weights, by the gradients that are there; these go."""
    twin = trainer.optimizer.rehearsal()
    trainer.optimizer.drop_gradients()
    watch = Stopwatch(trainer.writers.student.device, trainer.clock)
    watch.start()
    twin.step(trainer.settings.optimizer.lr)
    watch.lap("optimizer")
    return watch.seconds["optimizer"]
