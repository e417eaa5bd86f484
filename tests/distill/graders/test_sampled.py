"""The sampled-token estimate: numbers by hand, and its expectation taken exactly."""

import numpy as np
import pytest
import torch

from stillhouse.distill.graders.divergence import divergence
from stillhouse.distill.graders.sampled import SampledGrade, sampled_grade, sampled_reverse_kl
from stillhouse.distill.loss import Head
from tests.distill.reference import log_softmax

LN3, LN4 = 1.0986122886681098, 1.3862943611198906


def test_by_hand() -> None:
    """p = (1/2, 1/4, 1/4), q = (1/8, 1/8, 3/4).

    y = 0: ln p/q = ln 4, gradient ln 4 (onehot - p) = ln 4 (1/2, -1/4, -1/4).
    y = 2: ln p/q = -ln 3, gradient -ln 3 (-1/2, -1/4, 3/4).
    """
    grade = SampledGrade(torch.tensor([0, 2]), torch.log(torch.tensor([0.125, 0.75])))
    out = sampled_reverse_kl(grade)(torch.log(torch.tensor([[0.5, 0.25, 0.25]] * 2)) - 4.0, slice(0, 2))
    assert out.loss_C.tolist() == pytest.approx([LN4, -LN3], abs=1e-6)
    assert out.metrics["kl"].tolist() == pytest.approx([LN4, -LN3], abs=1e-6)
    assert out.metrics["entropy"].tolist() == pytest.approx([1.0397207708399179] * 2, abs=1e-6)  # 3/2 ln 2
    expected = [LN4 / 2, -LN4 / 4, -LN4 / 4, LN3 / 2, LN3 / 4, -3 * LN3 / 4]
    assert out.grad_CV.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_expectation_over_the_student_is_the_reverse_kl_and_its_gradient() -> None:
    """Every token of the vocabulary once, weighted with the student's own probability of it."""
    generator = torch.Generator().manual_seed(1)
    student, teacher = (torch.randn(1, 9, generator=generator) * 2 for _ in range(2))
    every = torch.arange(9)
    grade = SampledGrade(every, torch.log_softmax(teacher[0], dim=-1))
    out = sampled_reverse_kl(grade)(student.repeat(9, 1), slice(0, 9))
    p = torch.softmax(student[0].double(), dim=-1)
    full = divergence(student.clone(), teacher.clone(), 1.0)
    assert (p @ out.loss_C.double()).item() == pytest.approx(full.loss_C.item(), abs=1e-6)
    torch.testing.assert_close(p @ out.grad_CV.double(), full.grad_CV[0].double(), atol=1e-6, rtol=0)
    assert out.loss_C.min() < 0 < out.loss_C.max(), "single samples lie on both sides"


def test_grade_is_the_log_probability_of_each_token_at_the_temperature() -> None:
    generator = torch.Generator().manual_seed(2)
    hidden, weight = torch.randn(5, 3, generator=generator), torch.randn(9, 3, generator=generator)
    tokens = torch.tensor([0, 6, 3, 3, 1])
    logits = (hidden @ weight[:7].T).double().numpy()
    for temperature in (1.0, 0.6):
        grade = sampled_grade(hidden, Head(weight, 7), tokens, temperature, chunk=2)
        expected = log_softmax(logits / temperature)[np.arange(5), tokens.numpy()]
        assert grade.logp_N.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
