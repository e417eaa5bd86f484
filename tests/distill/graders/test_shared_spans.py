"""Distributions on shared tokens: numbers by hand, equal tokenizers, gradients, and the bound."""

import math

import numpy as np
import pytest
import torch

from stillhouse.distill.graders.cross_tokenizer import span_binary, span_grade
from stillhouse.distill.graders.shared_spans import shared_grade, span_shared
from stillhouse.distill.graders.top_k import top_k_divergence, top_k_grade
from stillhouse.distill.loss import Head, LossInputs, graded_loss
from stillhouse.distill.reading import PackedSpans
from stillhouse.distill.translation import student_ids
from tests.distill.reference import Array, divergence, log_softmax, numeric_gradient, with_tail

BETAS = pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])


def packed(writer: list[int], reader: list[int], answers: list[int]) -> PackedSpans:
    return PackedSpans(*(torch.tensor(part) for part in (writer, reader, answers, [1] * len(answers))))


def test_kept_tokens_by_hand() -> None:
    """The teacher says (1/2, 1/4, 3/16, 1/16); its token 0 is unknown to the student, 1, 2, 3 are its 4, 0, 2.

    Of spans of one token each it keeps the two likeliest shared: 1/4 at 4 and 3/16 at 0; the tail is 9/16.
    """
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.1875, 0.0625]] * 4))
    ids = student_ids({1: 4, 2: 0, 3: 2}, 4)
    assert ids.tolist() == [-1, 4, 0, 2]
    spans = packed([0, 1, 1, 2, 3], [0, 1, 2, 3], [0, 0, 0, 0])
    grade = shared_grade(spans, logits, Head(torch.eye(4), 4), ids, k=2, temperature=1.0, chunk=2)
    assert grade.index_N.tolist() == [0, -1, -1, 1, 2]
    assert grade.kept.tokens_NK[0].tolist() == [4, 0] and grade.kept.tokens_NK.shape == (3, 2)
    assert grade.kept.logp_NK[0].tolist() == pytest.approx([math.log(0.25), math.log(0.1875)], abs=1e-6)
    assert grade.kept.tail_N1.flatten().tolist() == pytest.approx([math.log(0.5625)] * 3, abs=1e-6)


def test_answers_of_the_teacher_may_lie_in_another_order() -> None:
    """Span 2 comes first in the teacher's row: each row of the student's still finds its own distribution."""
    logits = torch.eye(3) * 5
    spans = packed([0, 1, 2], [2, 0, 1], [0, 0, 1])
    grade = shared_grade(spans, logits, Head(torch.eye(3), 3), torch.arange(3), k=1, temperature=1.0, chunk=9)
    assert grade.kept.tokens_NK[grade.index_N][:, 0].tolist() == [1, 2, 0]


@BETAS
def test_equal_tokenizers_give_top_k_number_for_number(beta: float) -> None:
    generator = torch.Generator().manual_seed(3)
    hidden, weight = torch.randn(7, 4, generator=generator), torch.randn(9, 4, generator=generator)
    teacher, head = torch.randn(7, 3, generator=generator), Head(torch.randn(9, 3, generator=generator), 9)
    tokens, every = torch.randint(9, (7,), generator=generator), list(range(7))
    spans = packed(every, every, [0] * 7)
    for k in (3, 99):
        grade = span_grade(spans, torch.zeros(7), tokens, hidden, Head(weight, 9), temperature=0.8, chunk=4)
        shared = shared_grade(spans, teacher, head, torch.arange(9), k=k, temperature=0.8, chunk=4)
        results = []
        for rule in (top_k_divergence(top_k_grade(teacher, head, k, 0.8, 4), beta), span_shared(grade, shared, beta)):
            states = hidden.clone().requires_grad_()
            out = graded_loss(LossInputs(states, Head(weight, 9), torch.full((7,), 1 / 7), 0.8, 3), rule)
            results.append((out.loss, torch.autograd.grad(out.loss, states)[0], out.metrics))
        assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
        assert results[1][2] == {**results[0][2], "covered": 7.0}


@BETAS
def test_gradient_through_the_loss_where_spans_of_both_kinds_meet(beta: float) -> None:
    """Tokens 0, 4 alone in their spans, 1 and 2 in one of two, 3 in none, 5 in a span of two of the teacher's."""
    rng = np.random.default_rng(8)
    spans = packed([0, 1, 1, -1, 2, 3], [0, 1, 2, 3, 3], [0, 0, 0, 0])
    hidden, weight, tokens = rng.normal(size=(6, 4)), rng.normal(size=(7, 4)), rng.integers(0, 7, size=6)
    teacher, teacher_weight = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    to_student = {0: 6, 2: 1, 3: 5}
    logq_MV = log_softmax(teacher @ teacher_weight.T)
    logq_M = -rng.uniform(0.5, 2, size=5)
    states = torch.tensor(hidden, dtype=torch.float32, requires_grad=True)
    head = Head(torch.tensor(weight, dtype=torch.float32, requires_grad=True), 7)
    teacher_head = Head(torch.tensor(teacher_weight, dtype=torch.float32), 5)
    grade = span_grade(
        spans, torch.tensor(logq_M, dtype=torch.float32), torch.tensor(tokens), states, head, temperature=1.0, chunk=2
    )
    shared = shared_grade(
        spans, torch.tensor(teacher, dtype=torch.float32), teacher_head, student_ids(to_student, 5),
        k=2, temperature=1.0, chunk=2,
    )  # fmt: skip
    out = graded_loss(LossInputs(states, head, torch.full((6,), 0.5), 1.0, 2), span_shared(grade, shared, beta))

    def objective(at: Array, projection: Array) -> float:
        logp, total = log_softmax(at @ projection.T), 0.0
        for row, place in ((0, 0), (4, 2)):
            kept = sorted(to_student, key=lambda i: -logq_MV[place, i])[:2]
            p = with_tail(logp[row : row + 1], np.array([[to_student[i] for i in kept]]))
            q = with_tail(logq_MV[place : place + 1], np.array([kept]))
            total += divergence(p, q, beta)[0]
        taken = logp[np.arange(6), tokens]
        for p_span, q_span in ((taken[1] + taken[2], logq_M[1]), (taken[5], logq_M[3] + logq_M[4])):
            pair = [np.array([[x, np.log1p(-np.exp(x))]]) for x in (p_span, q_span)]
            total += divergence(pair[0], pair[1], beta)[0]
        return 0.5 * float(total)

    assert out.loss.item() == pytest.approx(objective(hidden, weight), abs=1e-5)
    assert out.metrics["covered"] == 5.0
    grads = torch.autograd.grad(out.loss, [states, head.weight_VH])
    np.testing.assert_allclose(grads[0].numpy(), numeric_gradient(lambda h: objective(h, weight), hidden), atol=3e-5)
    np.testing.assert_allclose(grads[1].numpy(), numeric_gradient(lambda w: objective(hidden, w), weight), atol=3e-5)


@BETAS
def test_without_single_spans_it_is_binary(beta: float) -> None:
    generator = torch.Generator().manual_seed(4)
    logits, teacher = torch.randn(4, 5, generator=generator), torch.randn(2, 5, generator=generator)
    spans = packed([0, 0, 1, 1], [0, 1], [0, 0])
    grade = span_grade(
        spans, torch.tensor([-1.0, -2.0]), torch.tensor([0, 1, 2, 3]), logits, Head(torch.eye(5), 5),
        temperature=1.0, chunk=9,
    )  # fmt: skip
    shared = shared_grade(spans, teacher, Head(torch.eye(5), 5), torch.arange(5), k=3, temperature=1.0, chunk=9)
    assert shared.index_N.tolist() == [-1] * 4
    one, other = (
        rule(logits.clone(), slice(0, 4)) for rule in (span_binary(grade, beta), span_shared(grade, shared, beta))
    )
    assert torch.equal(one.loss_C, other.loss_C) and torch.equal(one.grad_CV, other.grad_CV)
