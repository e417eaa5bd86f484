"""Full-vocabulary divergences: numbers by hand, and what must hold for all of them."""

import numpy as np
import pytest
import torch

from stillhouse.distill.graders import TeacherReading
from stillhouse.distill.graders.divergence import DivergenceGrader, divergence
from stillhouse.distill.loss import Head
from tests.distill.grading import inputs
from tests.distill.reference import divergence as plain_divergence
from tests.distill.reference import log_softmax

# The student says p = (1/2, 1/4, 1/4), the teacher q = (1/8, 1/8, 3/4); m = (1 - beta) p + beta q.
#
# beta 0     KL(q || p) = 1/8 ln 1/4 + 1/8 ln 1/2 + 3/4 ln 3 = 3/4 ln 3 - 3/8 ln 2; gradient p - q.
# beta 1/4   m = (13/32, 7/32, 3/8): 1/4 (1/8 ln 4/13 + 1/8 ln 4/7 + 3/4 ln 2)
#                                  + 3/4 (1/2 ln 16/13 + 1/4 ln 8/7 + 1/4 ln 2/3).
# beta 1/2   m = (5/16, 3/16, 1/2): 1/2 (1/8 ln 2/5 + 1/8 ln 2/3 + 3/4 ln 3/2)
#                                 + 1/2 (1/2 ln 8/5 + 1/4 ln 4/3 + 1/4 ln 1/2).
# beta 1     KL(p || q) = 1/2 ln 4 + 1/4 ln 2 + 1/4 ln 1/3 = 5/4 ln 2 - 1/4 ln 3.
# Gradients for beta > 0: c p_i (ln p_i/m_i - sum_j p_j ln p_j/m_j), c = 1 - beta (1 and m = q at beta 1).
BY_HAND = [
    (0.0, 0.5640290237911028, (0.375, 0.125, -0.5)),
    (0.25, 0.1025213244849902, (0.0644261667225123, 0.0183178385824333, -0.0827440053049455)),
    (0.5, 0.1362574443395800, (0.0840920229124772, 0.0192558168569943, -0.1033478397694715)),
    (1.0, 0.5917809035329042, (0.3972567287934932, 0.0253415692567603, -0.4225982980502535)),
]


@pytest.mark.parametrize(("beta", "loss", "gradient"), BY_HAND)
def test_by_hand(beta: float, loss: float, gradient: tuple[float, ...]) -> None:
    # Logits up to a constant of each row, which must not matter.
    student = torch.log(torch.tensor([[0.5, 0.25, 0.25]])) + 3.0
    teacher = torch.log(torch.tensor([[0.125, 0.125, 0.75]])) - 2.0
    out = divergence(student, teacher, beta)
    assert out.loss_C.tolist() == pytest.approx([loss], abs=1e-6)
    assert out.grad_CV[0].tolist() == pytest.approx(gradient, abs=1e-6)
    assert out.metrics["kl"].tolist() == pytest.approx([0.5917809035329042], abs=1e-6)
    assert out.metrics["entropy"].tolist() == pytest.approx([1.0397207708399179], abs=1e-6)  # 3/2 ln 2


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_swapping_teacher_and_student_is_another_number(beta: float) -> None:
    p, q = torch.log(torch.tensor([[0.5, 0.25, 0.25]])), torch.log(torch.tensor([[0.125, 0.125, 0.75]]))
    right = divergence(p.clone(), q.clone(), beta).loss_C.item()
    swapped = divergence(q.clone(), p.clone(), beta).loss_C.item()
    assert abs(right - swapped) > 1e-3


def test_half_is_symmetric_and_at_most_ln_2() -> None:
    p, q = torch.tensor([[40.0, 0.0, 0.0]]), torch.tensor([[0.0, 40.0, 0.0]])
    there, back = divergence(p.clone(), q.clone(), 0.5), divergence(q.clone(), p.clone(), 0.5)
    assert there.loss_C.item() == pytest.approx(0.6931471805599453, abs=1e-6)
    assert there.loss_C.item() == pytest.approx(back.loss_C.item(), abs=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_equal_models_cost_nothing_and_teach_nothing(beta: float) -> None:
    logits = torch.randn(4, 11, generator=torch.Generator().manual_seed(1)) * 5
    out = divergence(logits.clone(), logits.clone(), beta)
    assert out.loss_C.abs().max() < 1e-6 and out.grad_CV.abs().max() < 1e-6


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_never_negative_and_gradient_sums_to_nothing(beta: float) -> None:
    generator = torch.Generator().manual_seed(2)
    p, q = (torch.randn(200, 11, generator=generator) * 4 for _ in range(2))
    out = divergence(p, q, beta)
    assert out.loss_C.min() > 0
    assert out.grad_CV.sum(-1).abs().max() < 1e-5  # adding a constant to the logits changes nothing


@pytest.mark.parametrize("beta", [0.0, 0.25, 0.5, 1.0])
def test_finite_where_one_model_is_certain(beta: float) -> None:
    """Logits 150 apart: exp underflows in float32, the divergence does not."""
    p, q = torch.tensor([[150.0, 0.0, -150.0]]), torch.tensor([[-150.0, 0.0, 150.0]])
    expected = plain_divergence(log_softmax(p.double().numpy()), log_softmax(q.double().numpy()), beta)
    out = divergence(p, q, beta)
    assert out.loss_C.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert out.grad_CV.isfinite().all()


def test_rule_reads_its_own_rows_of_the_grade() -> None:
    generator = torch.Generator().manual_seed(3)
    hidden, weight = torch.randn(5, 3, generator=generator), torch.randn(9, 3, generator=generator)
    student = torch.randn(5, 7, generator=generator)
    reading = TeacherReading(hidden, Head(weight, 7))
    rule = DivergenceGrader(1.0).rule(inputs(torch.zeros(5, dtype=torch.long), reading, temperature=2.0, chunk=2))
    # The rule is given logits that are already divided by the temperature; the teacher's it divides itself.
    expected = plain_divergence(
        log_softmax(student.double().numpy()), log_softmax((hidden @ weight[:7].T).double().numpy() / 2), 1.0
    )
    got = [rule(student[rows].clone(), rows).loss_C for rows in (slice(0, 2), slice(2, 4), slice(4, 5))]
    np.testing.assert_allclose(torch.cat(got).double().numpy(), expected, atol=1e-5)
