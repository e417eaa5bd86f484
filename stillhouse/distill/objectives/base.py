"""From the scores of answers to what each answer's log-likelihood counts in the loss.

Every objective gives one number for each answer, so that the training step and the loss know nothing of judges,
groups or pairs. The loss of a step is

    - sum over answers i of  c_i  sum over its tokens t of  log p(y_it)

whose gradient is that of the objective, because the c_i are held fixed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stillhouse.distill.rollout import Rollout

__all__ = ["Group", "Lessons", "LogLikelihoods", "Objective"]


@dataclass(frozen=True, slots=True)
class Group:
    """The answers to one prompt and their scores, higher is better; None where a judgement is missing."""

    answers: Sequence[Rollout]
    scores: Sequence[float | None]

    def __post_init__(self) -> None:
        if len(self.answers) != len(self.scores):
            raise ValueError(f"{len(self.answers)} answers with {len(self.scores)} scores")


@dataclass(frozen=True, slots=True)
class Lessons:
    """`coefficients`: c of each answer, in the order of the groups and of the answers in them. `figures` to report."""

    coefficients: list[float]
    figures: Mapping[str, float] = field(default_factory=dict)


LogLikelihoods = Callable[[str, Sequence[Rollout]], list[float]]
"""`log_likelihoods(who, answers)`: sum of log p over each answer's tokens (nats) by `student` or `reference`."""


class Objective(Protocol):
    """One way of learning from scored answers."""

    @property
    def clip(self) -> float | None:
        """How far the probability of a token may move before it counts no more; None where that is not asked."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether the student as it was at the start is asked."""
        ...

    def lessons(self, groups: Sequence[Group], log_likelihoods: LogLikelihoods) -> Lessons:
        """The coefficients of all answers of an optimiser step."""
        ...
