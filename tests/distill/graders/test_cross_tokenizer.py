"""Spans graded: numbers by hand, gradients by differences, and expectations over all answers of a language, exactly."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from stillhouse.distill.graders.cross_tokenizer import SpanGrade, span_binary, span_grade, span_reverse_kl
from stillhouse.distill.graders.divergence import divergence
from stillhouse.distill.graders.sampled import sampled_grade, sampled_reverse_kl
from stillhouse.distill.loss import Head, LossInputs, Rule, graded_loss
from stillhouse.distill.reading import PackedSpans
from tests.distill.graders.spans import ANSWERS, END, Language, letters, spans_of
from tests.distill.reference import Array, Tokens, log_softmax, numeric_gradient
from tests.distill.reference import divergence as plain_divergence

LN4, LN7 = math.log(4), math.log(7)
BETAS = pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
STUDENT = letters(("a", "b"))
TEACHERS = {"letters": letters(), "looks ahead": letters(("b", "a"), ("a", "a"), ("aa", "b"))}


def packed(writer: list[int], reader: list[int], answers: list[int]) -> PackedSpans:
    return PackedSpans(*(torch.tensor(part) for part in (writer, reader, answers, [1] * len(answers))))


def hand_grade() -> tuple[Tensor, SpanGrade]:
    """p = (1/2, 1/4, 1/4) everywhere. Tokens 0 2 | 0 | 1, the last in no span; the teacher reads 3 + 1 tokens.

    The first span has p = 1/8 and q = 1/2; the second p = 1/2, q = 1/8.
    """
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]] * 4)) + 3.0
    spans = packed([0, 0, 1, -1], [0, 0, 0, 1, -1], [0, 0])
    logq = torch.log(torch.tensor([0.8, 0.625, 1.0, 0.125, 0.1]))
    grade = span_grade(spans, logq, torch.tensor([0, 2, 0, 1]), logits, Head(torch.eye(3), 3), temperature=1.0, chunk=2)
    return logits, grade


def test_what_a_row_knows_of_its_span() -> None:
    _, grade = hand_grade()
    assert grade.size_N.tolist() == [2, 2, 1, 0]
    assert grade.others_N.tolist() == pytest.approx([-LN4, -math.log(2), 0.0, 0.0], abs=1e-6)
    assert grade.logq_N.tolist() == pytest.approx([-math.log(2), -math.log(2), -math.log(8), 0.0], abs=1e-6)
    assert grade.beyond_N.tolist() == [0.0] * 4


def test_reverse_kl_by_hand() -> None:
    """ln p/q = -ln 4 for the span of two, ln 4 for the other; the token in no span is not graded."""
    logits, grade = hand_grade()
    out = span_reverse_kl(grade)(logits, slice(0, 4))
    assert out.loss_C.tolist() == pytest.approx([-LN4 / 2, -LN4 / 2, LN4, 0.0], abs=1e-6)
    expected = [[-0.5, 0.25, 0.25], [0.5, 0.25, -0.75], [0.5, -0.25, -0.25], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(out.grad_CV.numpy(), LN4 * np.array(expected), atol=1e-6)
    assert out.metrics["covered"].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert out.metrics["kl"].tolist() == out.loss_C.tolist()
    assert out.metrics["entropy"].tolist() == pytest.approx([1.5 * math.log(2)] * 4, abs=1e-6)


# The first span, p = 1/8 and q = 1/2; d/d log p is (p - q) / (1 - p) = -3/7 at beta 0, p (ln p/q - ln (1-p)/(1-q))
# = -1/8 ln 7 at beta 1. At beta 1/2, m = 5/16: p (ln p/m - ln (1-p)/(1-m)) / 2 = 1/16 ln (2/5 * 11/14).
BINARY = [
    (0.0, LN4 / 2 + math.log(4 / 7) / 2, -3 / 7),
    (
        0.5,
        (math.log(8 / 5) / 2 + math.log(8 / 11) / 2) / 2 + (math.log(2 / 5) / 8 + 7 / 8 * math.log(14 / 11)) / 2,
        math.log(2 / 5 * 11 / 14) / 16,
    ),
    (1.0, -LN4 / 8 + 7 / 8 * math.log(7 / 4), -LN7 / 8),
]


@pytest.mark.parametrize(("beta", "loss", "slope"), BINARY)
def test_binary_by_hand(beta: float, loss: float, slope: float) -> None:
    logits, grade = hand_grade()
    out = span_binary(grade, beta)(logits, slice(0, 4))
    assert out.loss_C.tolist()[:2] == pytest.approx([loss / 2] * 2, abs=1e-6) and out.loss_C[3] == 0
    np.testing.assert_allclose(
        out.grad_CV[:2].numpy(), slope * np.array([[0.5, -0.25, -0.25], [-0.5, -0.25, 0.75]]), atol=1e-6
    )
    assert out.grad_CV[3].tolist() == [0.0] * 3
    assert out.metrics["kl"][:2].tolist() == pytest.approx([BINARY[2][1] / 2] * 2, abs=1e-6)


def test_window_by_hand() -> None:
    """Four spans of the ratios 1, 2, 4, 8 in two answers (3 and 1): the neighbours of each, itself left out."""
    p = torch.log(torch.tensor([[0.5, 0.5]] * 4))
    logq = torch.tensor([-1.0, -2.0, -4.0, -8.0]) - math.log(2)
    spans = packed([0, 1, 2, 3], [0, 1, 2, 3], [5, 5, 5, 7])
    token, head = torch.zeros(4, dtype=torch.long), Head(torch.eye(2), 2)
    for window, expected in ((0, [0, 0, 0, 0]), (1, [2, 5, 2, 0]), (9, [6, 5, 3, 0])):
        grade = span_grade(spans, logq, token, p, head, temperature=1.0, chunk=3, window=window)
        assert grade.beyond_N.tolist() == pytest.approx(expected, abs=1e-5)
    out = span_reverse_kl(grade)(p[1:3].clone(), slice(1, 3))
    assert out.loss_C.tolist() == pytest.approx([2.0, 4.0], abs=1e-5), "the loss is the span's own"
    assert out.grad_CV[:, 0].tolist() == pytest.approx([3.5, 3.5], abs=1e-5), "the advantage the answer's"


Spanned = tuple[PackedSpans, Array, Array, Tokens, Array]


def random_spans(seed: int) -> Spanned:
    """9 tokens in two answers, spans of 1 to 3, one token in none: hidden states, head, tokens, teacher's log q."""
    rng = np.random.default_rng(seed)
    spans = packed([0, 0, 0, 1, -1, 2, 2, 3, 4], [4, 0, 0, 1, 2, -1, 3, 3], [0, 0, 1, 1, 1])
    tokens = rng.integers(0, 6, size=9)
    return spans, rng.normal(size=(9, 4)), rng.normal(size=(8, 4)), tokens, -rng.uniform(0.2, 3, size=8)


def grade_of(case: Spanned, temperature: float, window: int) -> tuple[Tensor, Head, SpanGrade]:
    spans, hidden, weight, tokens, logq = case
    states, head = torch.tensor(hidden, dtype=torch.float32), torch.tensor(weight, dtype=torch.float32)
    grade = span_grade(
        spans,
        torch.tensor(logq, dtype=torch.float32),
        torch.tensor(tokens),
        states,
        Head(head, 6),
        temperature=temperature,
        chunk=2,
        window=window,
    )
    return states.requires_grad_(), Head(head.requires_grad_(), 6), grade


def span_logs(case: Spanned, hidden: Array, weight: Array, temperature: float) -> tuple[Array, Array]:
    """log p and log q of each span, float64."""
    spans, _, _, tokens, logq = case
    logp = log_softmax(hidden @ weight[:6].T / temperature)[np.arange(9), tokens]
    mine, theirs = spans.writer_N.numpy(), spans.reader_M.numpy()
    return (
        np.array([logp[mine == s].sum() for s in range(5)]),
        np.array([logq[theirs == s].sum() for s in range(5)]),
    )


def binary_divergence(logp: Array, logq: Array, beta: float) -> Array:
    pair = [np.stack([x, np.log1p(-np.exp(x))], -1) for x in (logp, logq)]
    return plain_divergence(pair[0], pair[1], beta)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("window", [0, 1, 9])
def test_reverse_kl_gradient_through_the_loss(temperature: float, window: int) -> None:
    """Blocks of two rows cut the spans; the gradient is that of sum(A log p) with every advantage held fixed."""
    case = random_spans(3)
    states, head, grade = grade_of(case, temperature, window)
    out = graded_loss(LossInputs(states, head, torch.full((9,), 0.5), temperature, 2), span_reverse_kl(grade))
    logp, logq = span_logs(case, case[1], case[2], temperature)
    ratio, answers = logp - logq, case[0].answer_S.numpy()
    near = (abs(np.subtract.outer(np.arange(5), np.arange(5))) <= window) & np.equal.outer(answers, answers)
    around = near @ ratio - ratio
    assert out.loss.item() == pytest.approx(0.5 * ratio.sum(), abs=1e-5)

    def objective(hidden: Array, weight: Array) -> float:
        return float(0.5 * (ratio + around) @ span_logs(case, hidden, weight, temperature)[0])

    grads = torch.autograd.grad(out.loss, [states, head.weight_VH])
    np.testing.assert_allclose(grads[0].numpy(), numeric_gradient(lambda h: objective(h, case[2]), case[1]), atol=3e-5)
    np.testing.assert_allclose(grads[1].numpy(), numeric_gradient(lambda w: objective(case[1], w), case[2]), atol=3e-5)


@BETAS
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_binary_gradient_through_the_loss(beta: float, temperature: float) -> None:
    """The whole derivative, also through the tokens of a span that lie in other blocks."""
    case = random_spans(4)
    states, head, grade = grade_of(case, temperature, 0)
    out = graded_loss(LossInputs(states, head, torch.full((9,), 0.5), temperature, 2), span_binary(grade, beta))

    def objective(hidden: Array, weight: Array) -> float:
        return float(0.5 * binary_divergence(*span_logs(case, hidden, weight, temperature), beta).sum())

    assert out.loss.item() == pytest.approx(objective(case[1], case[2]), abs=1e-5)
    grads = torch.autograd.grad(out.loss, [states, head.weight_VH])
    np.testing.assert_allclose(grads[0].numpy(), numeric_gradient(lambda h: objective(h, case[2]), case[1]), atol=3e-5)
    np.testing.assert_allclose(grads[1].numpy(), numeric_gradient(lambda w: objective(case[1], w), case[2]), atol=3e-5)


def test_equal_tokenizers_give_sampled_number_for_number() -> None:
    generator = torch.Generator().manual_seed(3)
    hidden, weight = torch.randn(7, 4, generator=generator), torch.randn(9, 4, generator=generator)
    teacher, teacher_weight = torch.randn(7, 3, generator=generator), torch.randn(9, 3, generator=generator)
    tokens = torch.randint(9, (7,), generator=generator)
    grade = sampled_grade(teacher, Head(teacher_weight, 9), tokens, 1.0, 512)
    every = list(range(7))
    spans = span_grade(
        packed(every, every, [0] * 7), grade.logp_N, tokens, hidden, Head(weight, 9), temperature=1.0, chunk=512
    )
    results = []
    for rule in (sampled_reverse_kl(grade), span_reverse_kl(spans)):
        states = hidden.clone().requires_grad_()
        out = graded_loss(LossInputs(states, Head(weight, 9), torch.full((7,), 1 / 7), 1.0, 3), rule)
        results.append((out.loss, torch.autograd.grad(out.loss, states)[0], out.metrics))
    assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
    assert results[1][2] == {**results[0][2], "covered": 7.0}


def language(size: int, seed: int) -> Language:
    return Language(np.random.default_rng(seed).normal(size=(size, size)))


def expected(rule: Rule, student: Language) -> tuple[float, Array]:
    """The mean over all answers, each with its probability, of the loss and of its gradient in the table of logits."""
    p = [math.exp(student.logp(answer).sum()) for answer in ANSWERS]
    weight = torch.tensor([p[i] for i, answer in enumerate(ANSWERS) for _ in answer], dtype=torch.float32)
    before = torch.tensor([token for answer in ANSWERS for token in (END, *answer[:-1])])
    table = torch.tensor(student.logits.T, dtype=torch.float32, requires_grad=True)
    out = graded_loss(LossInputs(torch.eye(4)[before], Head(table, 4), weight, 1.0, 7), rule)
    gradient = torch.autograd.grad(out.loss, table)[0]
    return out.loss.item(), gradient.T.double().numpy()


def rule_of(teacher_name: str, student: Language, window: int) -> tuple[Rule, Array]:
    """The rule over all answers, and the teacher's log-probability of each."""
    teacher = TEACHERS[teacher_name]
    spans, logq = spans_of(STUDENT, teacher, language(len(teacher.spelling), 5))
    head = Head(torch.tensor(student.logits.T, dtype=torch.float32), 4)
    row_N = torch.tensor([i for i, answer in enumerate(ANSWERS) for _ in answer])
    grades = []
    for i, answer in enumerate(ANSWERS):  # each in a micro-batch of its own
        mine, theirs = row_N == i, spans.answer_S[spans.reader_M] == i
        first = int(spans.writer_N[mine][0])
        own = spans.answer_S == i
        alone = PackedSpans(
            spans.writer_N[mine] - first, spans.reader_M[theirs] - first, spans.answer_S[own], spans.bytes_S[own]
        )
        states = torch.eye(4)[torch.tensor([END, *answer[:-1]])]
        grades.append(
            span_grade(
                alone, logq[theirs], torch.tensor(answer), states, head, temperature=1.0, chunk=100, window=window
            )
        )
    parts = zip(*((g.token_N, g.size_N, g.others_N, g.logq_N, g.beyond_N) for g in grades), strict=True)
    grade = SpanGrade(*(torch.cat(part) for part in parts))
    logq_S = torch.zeros(len(spans.answer_S)).index_add_(0, spans.reader_M, logq)
    answers = torch.zeros(len(ANSWERS)).index_add_(0, spans.answer_S, logq_S)
    return span_reverse_kl(grade), answers.double().numpy()


@pytest.mark.parametrize("teacher", TEACHERS)
def test_over_all_answers_the_loss_is_the_divergence_of_whole_answers(teacher: str) -> None:
    """And with a window of the whole answer so is the gradient, wherever the teacher's tokenizer cuts."""
    student = language(4, 1)
    assert math.fsum(math.exp(student.logp(a).sum()) for a in ANSWERS) == pytest.approx(1.0)
    rule, logq = rule_of(teacher, student, window=99)

    def of_answers(logits: Array) -> float:
        logp = np.array([Language(logits).logp(answer).sum() for answer in ANSWERS])
        return float(np.exp(logp) @ (logp - logq))

    loss, gradient = expected(rule, student)
    assert loss == pytest.approx(of_answers(student.logits), abs=1e-5)
    np.testing.assert_allclose(gradient, numeric_gradient(of_answers, student.logits), atol=1e-5)
    assert expected(rule_of(teacher, student, window=0)[0], student)[0] == pytest.approx(loss, abs=1e-5)


def test_without_a_window_each_position_gets_the_gradient_of_its_own_divergence() -> None:
    """Where the text so far decides the cuts (a teacher of single letters): what `sampled` promises, span by span."""
    student, teacher = language(4, 2), language(3, 5)
    _, gradient = expected(rule_of("letters", student, window=0)[0], student)
    spelt = {END: (0,), 1: (1,), 2: (2,), 3: (1, 2)}
    letter = {END: END, 1: 1, 2: 2, 3: 2}  # the last letter of each token is what the teacher has before the next
    by_letter = teacher.logits - np.log(np.exp(teacher.logits).sum(-1, keepdims=True))

    def objective(logits: Array) -> float:
        """Sum over prefixes, each with the probability that it has now, of the divergence of the next span."""
        logp, total = log_softmax(logits), 0.0
        for prefix in {answer[:i] for answer in ANSWERS for i in range(len(answer))}:
            here = prefix[-1] if prefix else END
            reached = math.exp(student.logp(prefix).sum()) if prefix else 1.0
            for token, row in spelt.items():
                logq = sum(by_letter[a, b] for a, b in zip([letter[here], *row[:-1]], row, strict=True))
                total += reached * math.exp(logp[here, token]) * (logp[here, token] - logq)
        return total

    np.testing.assert_allclose(gradient, numeric_gradient(objective, student.logits), atol=1e-5)


def test_where_a_teacher_looks_ahead_a_window_is_needed() -> None:
    """Both models say "a" and "ab" equally often, but "ab" is one token of the teacher's and two of the student's.

    The student's a has p = 1 where the teacher has 1/2, and its END after a has 1/2 where the teacher has 1. The two
    errors cancel over the answer. Alone, each token would be blamed for its own; with a neighbour none is.
    """
    answers = torch.tensor([1, END, 1, 2, END])  # a END, a b END
    half = math.log(0.5)
    spans = packed([0, 1, 2, 2, 3], [0, 1, 2, 3], [0, 0, 1, 1])
    logq = torch.tensor([half, 0.0, half, 0.0])
    rows = torch.log(torch.tensor([[1e-9, 1.0, 1e-9], [0.5, 1e-9, 0.5]] * 2 + [[1.0, 1e-9, 1e-9]]))
    advantages = []
    for window in (0, 1):
        grade = span_grade(spans, logq, answers, rows, Head(torch.eye(3), 3), temperature=1.0, chunk=9, window=window)
        out = span_reverse_kl(grade)(rows.clone(), slice(0, 5))
        slope = out.grad_CV[1, END] / 0.5  # of the END after a: its p is 1/2
        advantages.append([*(out.loss_C * grade.size_N + grade.beyond_N).tolist(), slope.item()])
    assert advantages[0] == pytest.approx([math.log(2), -math.log(2), 0.0, 0.0, 0.0, -math.log(2)], abs=1e-6)
    assert advantages[1] == pytest.approx([0.0] * 6, abs=1e-6)


@BETAS
def test_binary_is_bounded_by_the_divergence_of_all_next_tokens(beta: float) -> None:
    """Merging all other outcomes into one loses differences and makes none; 0 where both agree."""
    generator = torch.Generator().manual_seed(6)
    student, teacher = (torch.randn(200, 8, generator=generator) * 2 for _ in range(2))
    tokens = torch.randint(8, (200,), generator=generator)
    every = list(range(200))
    for other in (teacher, student):
        logq = torch.log_softmax(other, -1).gather(1, tokens[:, None])[:, 0]
        grade = span_grade(
            packed(every, every, [0] * 200), logq, tokens, student, Head(torch.eye(8), 8), temperature=1.0, chunk=64
        )
        loss = span_binary(grade, beta)(student.clone(), slice(0, 200)).loss_C
        full = divergence(student.clone(), other.clone(), beta).loss_C
        assert (loss >= -1e-6).all() and (loss <= full + 5e-6).all()
    assert loss.abs().max() < 1e-6


@BETAS
def test_binary_is_finite_where_a_model_is_certain(beta: float) -> None:
    student = torch.tensor([[90.0, 0.0], [90.0, 0.0], [90.0, 0.0]])
    logq = torch.tensor([0.0, -90.0, -1e-4])
    for tokens in (torch.tensor([0, 0, 0]), torch.tensor([1, 1, 1])):
        grade = span_grade(
            packed([0, 1, 2], [0, 1, 2], [0, 0, 0]),
            logq,
            tokens,
            student,
            Head(torch.eye(2), 2),
            temperature=1.0,
            chunk=9,
        )
        out = span_binary(grade, beta)(student.clone(), slice(0, 3))
        assert out.loss_C.isfinite().all() and out.grad_CV.isfinite().all() and out.grad_CV.abs().max() <= 100


def test_a_micro_batch_without_any_span() -> None:
    grade = span_grade(
        packed([-1, -1], [-1], []),
        torch.zeros(1),
        torch.tensor([0, 1]),
        torch.eye(2),
        Head(torch.eye(2), 2),
        temperature=1.0,
        chunk=9,
        window=2,
    )
    for rule in (span_reverse_kl(grade), span_binary(grade, 0.5)):
        out = rule(torch.eye(2), slice(0, 2))
        assert out.loss_C.tolist() == [0.0, 0.0] and out.grad_CV.abs().sum() == 0
        assert out.metrics["covered"].tolist() == [0.0, 0.0]
