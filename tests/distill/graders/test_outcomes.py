"""The divergence on a few outcomes: numbers by hand, its gradient by differences, and what merging outcomes does."""

import numpy as np
import pytest
import torch

from stillhouse.distill.graders.outcomes import outcome_divergence
from tests.distill.reference import Array, divergence, log_softmax, numeric_gradient

BETAS = pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])


def test_by_hand() -> None:
    """p = (1/4, 3/4), q = (1/2, 1/2): KL(q || p) = 1/2 ln 4/3, KL(p || q) = ln 2 - H(p)."""
    logp, logq = torch.log(torch.tensor([[0.25, 0.75]])), torch.log(torch.tensor([[0.5, 0.5]]))
    reverse = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    for beta, expected in ((0.0, np.log(4 / 3) / 2), (1.0, reverse)):
        loss, _, kl = outcome_divergence(logp, logq, beta)
        assert loss.item() == pytest.approx(expected, abs=1e-6) and kl.item() == pytest.approx(reverse, abs=1e-6)


@BETAS
def test_gradient_through_a_softmax(beta: float) -> None:
    """Entries count one by one; that probabilities sum to 1 is the softmax's business, as it is in a rule."""
    rng = np.random.default_rng(0)
    student, logq = rng.normal(size=(5, 3)), log_softmax(rng.normal(size=(5, 3)))
    logits = torch.tensor(student, requires_grad=True)
    loss, grad_logp, _ = outcome_divergence(torch.log_softmax(logits, -1), torch.tensor(logq), beta)

    def value(at: Array) -> float:
        return float(divergence(log_softmax(at), logq, beta).sum())

    assert loss.sum().item() == pytest.approx(value(student), abs=1e-9)
    p = np.exp(log_softmax(student))
    g = grad_logp.detach().numpy()
    np.testing.assert_allclose(g - p * g.sum(-1, keepdims=True), numeric_gradient(value, student), atol=1e-8)
