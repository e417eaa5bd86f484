"""Completion tokens as a grader gets them, for tests that look at one grader alone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stillhouse.distill.graders import GradingInputs
from stillhouse.distill.loss import Head
from stillhouse.distill.rollout import Rollout

__all__ = ["inputs"]


def inputs(
    token_N: Tensor,
    reading: Any = None,
    *,
    rollouts: Sequence[Rollout] = (),
    row_N: Tensor | None = None,
    coefficient_N: Tensor | None = None,
    temperature: float = 1.0,
    chunk: int = 512,
) -> GradingInputs:
    """`token_N` of one answer unless `row_N` says otherwise; the student's side is blank."""
    return GradingInputs(
        rollouts=rollouts,
        row_N=torch.zeros_like(token_N) if row_N is None else row_N,
        token_N=token_N,
        temperature=temperature,
        chunk=chunk,
        student_hidden_NH=torch.zeros(len(token_N), 1),
        student_head=Head(torch.zeros(1, 1), 1),
        reading=reading,
        coefficient_N=coefficient_N,
    )
