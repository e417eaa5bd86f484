"""Cross-entropy on given tokens, by hand."""

import pytest
import torch

from stillhouse.distill.graders.imitation import ImitationGrader, imitation
from tests.distill.grading import inputs


def test_by_hand() -> None:
    """p = (1/2, 1/4, 1/4): token 1 costs ln 4 with gradient (1/2, -3/4, 1/4), token 0 ln 2 with (-1/2, 1/4, 1/4)."""
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]] * 2)) + 2.0
    out = imitation(torch.tensor([1, 0]))(logits, slice(0, 2))
    assert out.loss_C.tolist() == pytest.approx([1.3862943611198906, 0.6931471805599453], abs=1e-6)
    assert out.grad_CV.flatten().tolist() == pytest.approx([0.5, -0.75, 0.25, -0.5, 0.25, 0.25], abs=1e-6)
    assert out.metrics["entropy"].tolist() == pytest.approx([1.0397207708399179] * 2, abs=1e-6)  # 3/2 ln 2
    assert "kl" not in out.metrics


def test_asks_no_teacher_and_reads_its_own_rows() -> None:
    grader = ImitationGrader()
    assert not grader.needs_teacher
    rule = grader.rule(inputs(torch.tensor([0, 0, 1])))
    out = rule(torch.log(torch.tensor([[0.125, 0.875]])), slice(2, 3))
    assert out.loss_C.tolist() == pytest.approx([0.13353139262452263], abs=1e-6)  # -ln 7/8
