"""Top-k with a tail: numbers by hand, its bound by the full divergence, and its gradient at the edges."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from stillhouse.distill.graders.divergence import divergence
from stillhouse.distill.graders.top_k import TopKGrade, top_k_divergence, top_k_grade
from stillhouse.distill.loss import Head
from tests.distill.reference import divergence as plain_divergence
from tests.distill.reference import log_softmax, numeric_gradient, with_tail

# The teacher says (1/2, 1/4, 1/8, 1/8) and keeps two: q' = (1/2, 1/4 | 1/4). The student says
# (1/8, 1/4, 1/2, 1/8): p' = (1/8, 1/4 | 5/8). Tokens 2 and 3 share the tail's gradient as 4/5 and 1/5, their
# parts of the student's tail.
#
# beta 0     KL(q' || p') = 1/2 ln 4 + 1/4 ln 2/5. With g = -q' and G = -1: kept p_i - q_i = (-3/8, 0); tail
#            p_i (1 - (1/4) / (5/8)) = 3/5 p_i = (3/10, 3/40).
# beta 1/2   m = (5/16, 1/4, 7/16): 1/2 (1/2 ln 8/5 + 1/4 ln 4/7) + 1/2 (1/8 ln 2/5 + 5/8 ln 10/7).
# beta 1     KL(p' || q') = 1/8 ln 1/4 + 5/8 ln 5/2; kept p_i (ln p_i/q_i - KL), tail p_i (ln 5/2 - KL).
BY_HAND = [
    (0.0, 0.4640744975914065, (-0.375, 0.0, 0.3, 0.075)),
    (0.5, 0.1017416830582252, (-0.0640422643969746, -0.0135481873096798, 0.0620723613653235, 0.0155180903413309)),
    (1.0, 0.3993949122813606, (-0.2232111591751564, -0.0998487280703401, 0.2584479097963972, 0.0646119774490993)),
]
BETAS = pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
ALL = slice(0, None)


def grade_of(logits: Tensor, k: int) -> TopKGrade:
    """The grade of a teacher with these logits: the head is the identity."""
    return top_k_grade(logits, Head(torch.eye(logits.shape[1]), logits.shape[1]), k, 1.0, 512)


@pytest.mark.parametrize(("beta", "loss", "gradient"), BY_HAND)
def test_by_hand(beta: float, loss: float, gradient: tuple[float, ...]) -> None:
    grade = TopKGrade(torch.tensor([[0, 1]]), torch.log(torch.tensor([[0.5, 0.25]])), torch.log(torch.tensor([[0.25]])))
    out = top_k_divergence(grade, beta)(torch.log(torch.tensor([[0.125, 0.25, 0.5, 0.125]])) + 1.0, ALL)
    assert out.loss_C.tolist() == pytest.approx([loss], abs=1e-6)
    assert out.grad_CV[0].tolist() == pytest.approx(gradient, abs=1e-6)
    assert out.metrics["kl"].tolist() == pytest.approx([0.3993949122813606], abs=1e-6)
    # H = 1/8 ln 8 + 1/4 ln 4 + 1/2 ln 2 + 1/8 ln 8 = 7/4 ln 2
    assert out.metrics["entropy"].tolist() == pytest.approx([1.2130075659799042], abs=1e-6)


@BETAS
def test_gradient_of_kept_tokens_and_of_the_tail(beta: float) -> None:
    rng = np.random.default_rng(7)
    student, teacher = rng.normal(size=(3, 8)), rng.normal(size=(3, 8))
    kept = np.argsort(-teacher, axis=-1)[:, :3]
    logq = with_tail(log_softmax(teacher), kept)
    expected = numeric_gradient(
        lambda logits: float(plain_divergence(with_tail(log_softmax(logits), kept), logq, beta).sum()), student
    )
    grade = grade_of(torch.tensor(teacher, dtype=torch.float32), 3)
    got = top_k_divergence(grade, beta)(torch.tensor(student, dtype=torch.float32), ALL).grad_CV
    np.testing.assert_allclose(got.double().numpy(), expected, atol=5e-6)
    in_tail = np.ones_like(student, dtype=bool)
    np.put_along_axis(in_tail, kept, False, axis=-1)
    assert np.abs(expected[in_tail]).min() > 1e-4, "the tail must have a gradient for this to test it"


@BETAS
def test_k_of_the_whole_vocabulary_is_the_full_divergence(beta: float) -> None:
    generator = torch.Generator().manual_seed(5)
    student, teacher = (torch.randn(6, 9, generator=generator) * 2 for _ in range(2))
    full = divergence(student.clone(), teacher.clone(), beta)
    for k in (9, 1000):
        grade = grade_of(teacher, k)
        assert grade.tokens_NK.shape == (6, 9)
        out = top_k_divergence(grade, beta)(student.clone(), ALL)
        torch.testing.assert_close(out.loss_C, full.loss_C, atol=5e-6, rtol=0)
        torch.testing.assert_close(out.grad_CV, full.grad_CV, atol=5e-6, rtol=0)


@BETAS
def test_never_negative_grows_with_k_and_never_above_the_full_divergence(beta: float) -> None:
    generator = torch.Generator().manual_seed(6)
    student, teacher = (torch.randn(300, 12, generator=generator) * 2 for _ in range(2))
    full = divergence(student.clone(), teacher.clone(), beta).loss_C
    slack = 5e-6
    before = torch.zeros(300)
    for k in range(1, 12):
        loss = top_k_divergence(grade_of(teacher, k), beta)(student.clone(), ALL).loss_C
        assert (loss >= before - slack).all() and (loss <= full + slack).all()
        before = loss
    assert (top_k_divergence(grade_of(teacher, 1), beta)(student.clone(), ALL).loss_C < full - 0.1).any()


def test_grade_keeps_the_likeliest_at_the_temperature() -> None:
    """Logits (0, ln 16, ln 4) at temperature 2 are (0, ln 4, ln 2): p = (1, 4, 2) / 7. Padding is not kept."""
    weight = torch.tensor([[0.0], [2.772588722239781], [1.3862943611198906], [99.0]])
    grade = top_k_grade(torch.ones(3, 1), Head(weight, 3), 2, temperature=2.0, chunk=2)
    assert grade.tokens_NK.tolist() == [[1, 2]] * 3
    for row in grade.logp_NK.tolist():
        assert row == pytest.approx([-0.5596157879354227, -1.252762968495368], abs=1e-6)  # ln 4/7, ln 2/7


@BETAS
def test_tail_of_a_certain_student_has_its_true_gradient(beta: float) -> None:
    """The student leaves 2e-8 to its tail, less than 1 - sum(kept) in float32 can show.

    Were the tail taken as 1 minus the rest, its gradient under forward KL would be 20 times too large.
    """
    student = np.array([[math.log(0.999), math.log(0.001), math.log(1e-8), math.log(1e-8)]])
    teacher = np.array([[math.log(0.6), math.log(0.1), math.log(0.2), math.log(0.1)]])
    kept = np.array([[0, 1]])
    logq = with_tail(log_softmax(teacher), kept)
    value = plain_divergence(with_tail(log_softmax(student), kept), logq, beta)
    expected = numeric_gradient(
        lambda logits: float(plain_divergence(with_tail(log_softmax(logits), kept), logq, beta).sum()), student
    )
    grade = TopKGrade(torch.tensor(kept), torch.log(torch.tensor([[0.6, 0.1]])), torch.log(torch.tensor([[0.3]])))
    out = top_k_divergence(grade, beta)(torch.tensor(student, dtype=torch.float32), ALL)
    assert out.loss_C.tolist() == pytest.approx(value.tolist(), rel=1e-4)
    np.testing.assert_allclose(out.grad_CV.double().numpy(), expected, atol=2e-4)


@BETAS
def test_finite_where_a_model_puts_everything_on_one_token(beta: float) -> None:
    certain, other = torch.tensor([[90.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.0, 90.0, 0.0, 0.0]])
    for student, teacher in ((certain, other), (other, certain), (certain, certain)):
        out = top_k_divergence(grade_of(teacher, 1), beta)(student.clone(), ALL)
        assert out.loss_C.isfinite().all() and out.grad_CV.isfinite().all()
        assert out.grad_CV.abs().max() <= 100
