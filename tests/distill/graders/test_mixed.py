"""A weighted sum of rules is just that: values, gradients, and metrics under their names."""

import pytest
import torch

from stillhouse.distill.graders import DivergenceGrader, LikelihoodGrader, TeacherReading, TokenGrader
from stillhouse.distill.graders.mixed import MixedGrader, Part
from stillhouse.distill.loss import Head
from tests.distill.grading import inputs


def test_is_the_weighted_sum_of_its_parts() -> None:
    generator = torch.Generator().manual_seed(1)
    logits, tokens = torch.randn(4, 6, generator=generator), torch.tensor([1, 2, 3, 0])
    reading = TeacherReading(torch.randn(4, 3, generator=generator), Head(torch.randn(6, 3, generator=generator), 6))
    coefficient_N = torch.tensor([1.0, -1.0, 0.0, 2.0])
    judge, divergence = LikelihoodGrader(), DivergenceGrader(0.0)
    a = judge.rule(inputs(tokens, coefficient_N=coefficient_N))(logits.clone(), slice(0, 4))
    b = divergence.rule(inputs(tokens, reading))(logits.clone(), slice(0, 4))
    both = MixedGrader((Part("judge", 0.25, judge), Part("probability", 3.0, divergence)))
    given = inputs(tokens, [None, reading], coefficient_N=coefficient_N)
    rule = both.rule(given)
    halves = [rule(logits[rows].clone(), rows) for rows in (slice(0, 3), slice(3, 4))]
    torch.testing.assert_close(torch.cat([h.loss_C for h in halves]), 0.25 * a.loss_C + 3 * b.loss_C)
    torch.testing.assert_close(torch.cat([h.grad_CV for h in halves]), 0.25 * a.grad_CV + 3 * b.grad_CV)
    assert set(halves[0].metrics) == {"entropy", "kl", "loss/judge", "loss/probability"}
    torch.testing.assert_close(torch.cat([h.metrics["loss/probability"] for h in halves]), b.loss_C)
    torch.testing.assert_close(torch.cat([h.metrics["loss/judge"] for h in halves]), a.loss_C)


@pytest.mark.parametrize(("parts", "needs"), [(("j", "d"), True), (("j", "j"), False)])
def test_needs_a_teacher_where_a_part_does(parts: tuple[str, ...], needs: bool) -> None:
    graders: dict[str, TokenGrader] = {"j": LikelihoodGrader(), "d": DivergenceGrader(1.0)}
    mixed = MixedGrader(tuple(Part(str(i), 1.0, graders[name]) for i, name in enumerate(parts)))
    assert mixed.needs_teacher is needs
