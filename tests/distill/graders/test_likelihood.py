"""Coefficients to gradients: values by hand, the clip, and the whole gradient by differences."""

import math

import numpy as np
import pytest
import torch

from stillhouse.distill.graders.likelihood import LikelihoodGrader, weighted_likelihood
from stillhouse.distill.loss import Head, LossInputs, graded_loss
from stillhouse.distill.rollout import Rollout
from tests.distill.grading import inputs
from tests.distill.reference import numeric_gradient

P = torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])


def test_loss_and_gradient_by_hand() -> None:
    """p = (1/2, 1/4, 1/4): token 1 at c = 2 costs 2 ln 4 with gradient 2 (1/2, -3/4, 1/4); token 0 at -1 pays ln 2."""
    rule = weighted_likelihood(torch.tensor([1, 0]), torch.tensor([2.0, -1.0]))
    out = rule(torch.log(P) + 2.0, slice(0, 2))
    assert out.loss_C.tolist() == pytest.approx([2.772588722239781, -0.6931471805599453], abs=1e-6)
    assert out.grad_CV.flatten().tolist() == pytest.approx([1.0, -1.5, 0.5, 0.5, -0.25, -0.25], abs=1e-6)


def test_unmoved_student_gets_the_plain_gradient_under_a_clip() -> None:
    tokens, coefficient = torch.tensor([1, 0]), torch.tensor([2.0, -1.0])
    written = torch.log(torch.tensor([0.25, 0.5]))
    plain = weighted_likelihood(tokens, coefficient)(torch.log(P), slice(0, 2))
    clipped = weighted_likelihood(tokens, coefficient, written, 0.2)(torch.log(P), slice(0, 2))
    torch.testing.assert_close(clipped.grad_CV, plain.grad_CV)
    assert clipped.loss_C.tolist() == pytest.approx([-2.0, 1.0]) and clipped.metrics["clipped_tokens"].sum() == 0


@pytest.mark.parametrize(
    ("coefficient", "ratio", "loss", "moves"),
    [
        (1.0, 1.5, -1.2, False),  # already raised enough
        (1.0, 0.5, -0.5, True),  # wanted up, has gone down: pulled back, not clipped
        (-1.0, 0.5, 0.8, False),  # already lowered enough
        (-1.0, 1.5, 1.5, True),
        (1.0, 1.1, -1.1, True),
        (0.0, 2.0, 0.0, True),
    ],
)
def test_clip_holds_what_has_moved_far_enough(coefficient: float, ratio: float, loss: float, moves: bool) -> None:
    """PPO's surrogate at clip 0.2: -min(c r, c clamp(r)), with the gradient of c r or none."""
    written = torch.tensor([math.log(0.25 / ratio)])
    out = weighted_likelihood(torch.tensor([1]), torch.tensor([coefficient]), written, 0.2)(
        torch.log(P[:1]), slice(0, 1)
    )
    assert out.loss_C.item() == pytest.approx(loss, abs=1e-6)
    expected = coefficient * ratio * np.array([0.5, -0.75, 0.25]) if moves else np.zeros(3)
    assert out.grad_CV[0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert out.metrics["clipped_tokens"].item() == (not moves)


@pytest.mark.parametrize("clip", [None, 0.2])
def test_gradient_through_the_loss_by_differences(clip: float | None) -> None:
    """Temperature 1.7, rows in two blocks: d loss / d hidden equals central differences of the loss in float64."""
    generator = torch.Generator().manual_seed(5)
    hidden = torch.randn(6, 4, generator=generator)
    weight = torch.randn(7, 4, generator=generator)
    tokens = torch.tensor([0, 3, 6, 2, 2, 5])
    c = np.array([0.7, 0.7, -1.3, -1.3, 0.4, 0.4])
    written = np.log(np.array([0.1, 0.3, 0.2, 0.05, 0.2, 0.15]))

    def by_hand(x: np.ndarray) -> float:
        logits = x @ weight.double().numpy().T / 1.7
        logp = (logits - np.log(np.exp(logits).sum(-1, keepdims=True)))[np.arange(6), tokens.numpy()]
        if clip is None:
            return float(-(c * logp).sum() / 6)
        ratio = np.exp(logp - written)
        return float(-np.minimum(c * ratio, c * ratio.clip(1 - clip, 1 + clip)).sum() / 6)

    student = hidden.clone().requires_grad_()
    rule = weighted_likelihood(
        tokens, torch.tensor(c, dtype=torch.float32), torch.tensor(written, dtype=torch.float32), clip
    )
    out = graded_loss(LossInputs(student, Head(weight, 7), torch.full((6,), 1 / 6), 1.7, 4), rule)
    assert out.loss.item() == pytest.approx(by_hand(hidden.double().numpy()), abs=1e-6)
    (got,) = torch.autograd.grad(out.loss, [student])
    np.testing.assert_allclose(got.double().numpy(), numeric_gradient(by_hand, hidden.double().numpy()), atol=1e-6)


def test_each_token_gets_the_log_probability_of_its_own_answer() -> None:
    """Packed by length: the second answer comes first in the batch."""
    answers = [
        Rollout("a", (1,), (4, 5), (-1.0, -2.0), "stop", "student"),
        Rollout("b", (1,), (6,), (-3.0,), "stop", "student"),
    ]
    given = inputs(
        torch.tensor([0, 0, 0]),
        rollouts=answers,
        row_N=torch.tensor([1, 0, 0]),
        coefficient_N=torch.tensor([1.0, 1.0, 1.0]),
    )
    uniform = torch.zeros(3, 2)  # p = 1/2 everywhere
    out = LikelihoodGrader(0.2).rule(given)(uniform, slice(0, 3))
    ratios = [0.5 / math.exp(-3), 0.5 / math.exp(-1), 0.5 / math.exp(-2)]
    assert out.loss_C.tolist() == pytest.approx([-min(r, 1.2) for r in ratios], abs=1e-6)


def test_what_is_missing_is_said() -> None:
    token_N, row_N = torch.tensor([0]), torch.tensor([0])
    with pytest.raises(ValueError, match="needs the coefficients of an objective"):
        LikelihoodGrader().rule(inputs(token_N))
    answer = Rollout("a", (1,), (4,), (), "stop", "reference")
    with pytest.raises(ValueError, match="answer to prompt a came without log-probabilities"):
        LikelihoodGrader(0.2).rule(inputs(token_N, rollouts=[answer], row_N=row_N, coefficient_N=torch.ones(1)))
