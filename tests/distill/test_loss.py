"""The chunked loss and its gradient: one case by hand, every grader against float64 and central differences."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from stillhouse.distill import loss as loss_module
from stillhouse.distill.graders import TeacherReading
from stillhouse.distill.graders.divergence import DivergenceGrader
from stillhouse.distill.graders.imitation import imitation
from stillhouse.distill.loss import Head, LossInputs, RuleOutputs, graded_loss
from tests.distill.grading import inputs
from tests.distill.reference import KINDS, Kind, log_softmax, random_case

EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
EVERY_SHAPE = pytest.mark.parametrize(
    ("temperature", "softcap"), [(1.0, None), (0.7, None), (2.5, None), (1.0, 1.5), (1.7, 1.5)]
)


def test_loss_and_both_gradients_by_hand() -> None:
    """Three tokens and one padding row, two positions, forward KL.

    Head rows (ln 2, 0), (0, 0), (0, ln 2). Hidden states (1, 0) and (0, 1) give the logits (ln 2, 0, 0) and
    (0, 0, ln 2), so p1 = (1/2, 1/4, 1/4) and p2 = (1/4, 1/4, 1/2). The teacher's logits (0, 0, ln 6) are
    q = (1/8, 1/8, 3/4) at both. Token weights 1/2 and 1/4.

    KL(q || p1) = 1/8 ln 1/4 + 1/8 ln 1/2 + 3/4 ln 3     = 0.5640290237911028
    KL(q || p2) = 1/8 ln 1/2 + 1/8 ln 1/2 + 3/4 ln 3/2   = 0.1308120359412540
    g1 = p1 - q = (3/8, 1/8, -1/2), g2 = (1/8, 1/8, -1/4)
    d/d hidden_i = weight_i (g_i0 ln 2, g_i2 ln 2); d/d head column i = weight_i g_i
    """
    ln2 = 0.6931471805599453
    hidden = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    weight = torch.tensor([[ln2, 0.0], [0.0, 0.0], [0.0, ln2], [9.0, -9.0]], requires_grad=True)
    teacher = Head(torch.tensor([[0.0], [0.0], [1.791759469228055], [7.0], [7.0]]), vocabulary=3)
    rule = DivergenceGrader(0.0).rule(inputs(torch.tensor([0, 0]), TeacherReading(torch.ones(2, 1), teacher)))
    out = graded_loss(LossInputs(hidden, Head(weight, 3), torch.tensor([0.5, 0.25])), rule)
    assert out.loss.item() == pytest.approx(0.5 * 0.5640290237911028 + 0.25 * 0.1308120359412540, abs=1e-6)
    assert out.metrics["loss"] == pytest.approx(0.5640290237911028 + 0.1308120359412540, abs=1e-6)
    # KL(p1 || q) + KL(p2 || q); entropies 1.5 ln 2 each.
    assert out.metrics["kl"] == pytest.approx(0.5917809035329042 + 0.1438410362258904, abs=1e-6)
    assert out.metrics["entropy"] == pytest.approx(3 * ln2, abs=1e-6)
    grad_hidden, grad_weight = torch.autograd.grad(out.loss, [hidden, weight])
    assert grad_hidden.flatten().tolist() == pytest.approx(
        [0.1299650963549897, -0.1732867951399863, 0.0216608493924983, -0.0433216987849966], abs=1e-6
    )
    assert grad_weight.flatten().tolist() == pytest.approx(
        [3 / 16, 1 / 32, 1 / 16, 1 / 32, -1 / 4, -1 / 16, 0.0, 0.0], abs=1e-6
    )


def test_temperature_and_softcap_by_hand() -> None:
    """One logit of 2 ln 3 against 0: at temperature 2 p = (3/4, 1/4). Imitating token 1 costs ln 4, and the
    derivative in the first logit is p / 2 = 3/8.

    With a soft cap of c = 2 on a logit x = 2 atanh(1/2) = ln 3 the capped logit is 1, and its derivative in x is
    1 - (1/2)^2 = 3/4. p = e / (1 + e) = 0.7310585786300049; the loss is ln(1 + e) = 1.3132616875182228.
    """
    for x, temperature, softcap, loss, slope in (
        (2.1972245773362196, 2.0, None, 1.3862943611198906, 0.375),
        (1.0986122886681098, 1.0, 2.0, 1.3132616875182228, 0.75 * 0.7310585786300049),
    ):
        hidden = torch.tensor([[x]], requires_grad=True)
        head = Head(torch.tensor([[1.0], [0.0]]), 2, softcap)
        out = graded_loss(LossInputs(hidden, head, torch.ones(1), temperature), imitation(torch.tensor([1])))
        assert out.loss.item() == pytest.approx(loss, abs=1e-6)
        assert torch.autograd.grad(out.loss, [hidden])[0].item() == pytest.approx(slope, abs=1e-6)


@EVERY_SHAPE
@EVERY_KIND
def test_loss_and_gradient_equal_float64_and_central_differences(
    kind: Kind, temperature: float, softcap: float | None
) -> None:
    case = random_case(3, temperature, softcap)
    loss, grad_hidden, grad_weight, _ = case.run(kind)
    numeric_hidden, numeric_weight = case.gradients(kind)
    assert loss == pytest.approx(case.loss(kind), abs=2e-6, rel=2e-6)
    np.testing.assert_allclose(grad_hidden, numeric_hidden, atol=3e-6)
    np.testing.assert_allclose(grad_weight, numeric_weight, atol=3e-6)
    assert np.abs(numeric_hidden).max() > 1e-3, "a gradient of nothing would prove nothing"


@EVERY_KIND
def test_rows_beyond_the_vocabulary_change_nothing_and_get_no_gradient(kind: Kind) -> None:
    case = random_case(5)
    loss, grad_hidden, grad_weight, _ = case.run(kind)
    other_loss, other_hidden, other_weight, _ = case.padded_differently(6).run(kind)
    assert (grad_weight[7:] == 0).all() and (other_weight[7:] == 0).all()
    assert loss == other_loss
    np.testing.assert_array_equal(grad_hidden, other_hidden)
    np.testing.assert_array_equal(grad_weight, other_weight)


@pytest.mark.parametrize("softcap", [None, 1.5])
@EVERY_KIND
def test_chunk_size_changes_nothing(kind: Kind, softcap: float | None) -> None:
    case = random_case(7, temperature=1.3, softcap=softcap)
    whole = case.run(kind, chunk=1000)
    for chunk in (1, 2, 5):
        part = case.run(kind, chunk=chunk)
        assert part[0] == pytest.approx(whole[0], abs=1e-6)
        np.testing.assert_allclose(part[1], whole[1], atol=1e-6)
        np.testing.assert_allclose(part[2], whole[2], atol=1e-6)
        assert part[3] == pytest.approx(whole[3], abs=1e-5)


@EVERY_KIND
def test_metrics_are_unweighted_sums(kind: Kind) -> None:
    case = random_case(9)
    logp, logq = case.logp(case.hidden, case.weight), case.logp(case.teacher_hidden, case.teacher_weight)
    metrics = case.run(kind)[3]
    assert metrics["loss"] == pytest.approx(kind.value(logp, logq, case.tokens).sum(), abs=1e-5)
    assert metrics["entropy"] == pytest.approx(-(np.exp(logp) * logp).sum(), abs=1e-5)


@pytest.mark.parametrize("trained", ["hidden", "weight", "neither"])
def test_gradient_of_one_side_alone(trained: str) -> None:
    """Adapters train no head, and a head alone can be trained: each gradient is what it is with both."""
    kind = KINDS[1]
    case = random_case(11)
    _, grad_hidden, grad_weight, _ = case.run(kind)
    hidden = torch.tensor(case.hidden, dtype=torch.float32, requires_grad=trained == "hidden")
    weight = torch.tensor(case.weight, dtype=torch.float32, requires_grad=trained == "weight")
    teacher = Head(torch.tensor(case.teacher_weight, dtype=torch.float32), 7)
    rule = kind.grader.rule(case.inputs(hidden.detach(), Head(weight, 7), teacher))
    out = graded_loss(LossInputs(hidden, Head(weight, 7), torch.tensor(case.share, dtype=torch.float32)), rule)
    assert out.loss.item() == pytest.approx(case.loss(kind), abs=2e-6, rel=2e-6)
    if trained == "neither":
        assert not out.loss.requires_grad
        return
    got = torch.autograd.grad(out.loss, [hidden if trained == "hidden" else weight])[0].double().numpy()
    np.testing.assert_allclose(got, grad_hidden if trained == "hidden" else grad_weight, atol=1e-6)


def test_upstream_gradient_scales_both() -> None:
    case = random_case(13)
    hidden = torch.tensor(case.hidden, dtype=torch.float32, requires_grad=True)
    weight = torch.tensor(case.weight, dtype=torch.float32, requires_grad=True)
    share = torch.tensor(case.share, dtype=torch.float32)
    inputs = LossInputs(hidden, Head(weight, 7), share)

    def gradients(factor: float) -> tuple[Tensor, ...]:
        out = graded_loss(inputs, imitation(torch.tensor(case.tokens)))
        return torch.autograd.grad(out.loss * factor, [hidden, weight])

    for once, thrice in zip(gradients(1.0), gradients(3.0), strict=True):
        torch.testing.assert_close(thrice, 3 * once)


def test_tied_head_gets_both_gradients() -> None:
    """The head's weight is also the embedding: autograd must add what flows back through the hidden states."""
    table = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    ids, tokens, share = torch.tensor([0, 3, 3]), torch.tensor([3, 1, 2]), torch.tensor([0.2, 0.3, 0.5])
    out = graded_loss(LossInputs(torch.tanh(table[ids]), Head(table, 5), share, chunk=2), imitation(tokens))
    got = torch.autograd.grad(out.loss, [table])[0]
    double = table.detach().double().requires_grad_()
    logp = torch.log_softmax(torch.tanh(double[ids]) @ double.T, dim=-1)
    expected = torch.autograd.grad(-(share.double() * logp[torch.arange(3), tokens]).sum(), [double])[0]
    torch.testing.assert_close(got.double(), expected, atol=1e-6, rtol=0)


def test_bfloat16_weights_are_compared_in_float32() -> None:
    """The logits of bfloat16 models are rounded once, by the product; the comparison itself is not."""
    case = random_case(15)
    hidden = torch.tensor(case.hidden, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.tensor(case.weight, dtype=torch.bfloat16, requires_grad=True)
    share = torch.tensor(case.share)
    out = graded_loss(LossInputs(hidden, Head(weight, 7), share, chunk=2), imitation(torch.tensor(case.tokens)))
    grads = torch.autograd.grad(out.loss, [hidden, weight])
    assert out.loss.dtype == torch.float32 and {g.dtype for g in grads} == {torch.bfloat16}
    logits = (hidden @ weight[:7].T).detach().double().numpy()
    expected = -case.share @ log_softmax(logits)[np.arange(5), case.tokens]
    assert out.loss.item() == pytest.approx(expected, abs=1e-5)
    reference = case.gradients(KINDS[-1])
    for got, true in zip(grads, reference, strict=True):
        np.testing.assert_allclose(got.double().numpy(), true, atol=0.03 * np.abs(true).max())


def test_no_tokens_cost_nothing() -> None:
    hidden = torch.zeros(0, 4, requires_grad=True)
    weight = torch.ones(9, 4, requires_grad=True)
    out = graded_loss(LossInputs(hidden, Head(weight, 7), torch.zeros(0)), imitation(torch.zeros(0, dtype=torch.long)))
    grads = torch.autograd.grad(out.loss, [hidden, weight])
    assert out.loss.item() == 0 and grads[0].shape == (0, 4) and not grads[1].any()


def test_logits_and_products_by_hand() -> None:
    """Two of three rows are used; the cap makes 4 tanh(x / 4) of a product x."""
    head = Head(torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]), 2, softcap=4.0)
    hidden = torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    buffer = torch.full((3, 2), -7.0)
    products = head.project(hidden, out=buffer)
    assert products.tolist() == [[1.0, 2.0], [2.0, 0.0]]
    assert products.data_ptr() == buffer.data_ptr() and buffer[2].tolist() == [-7.0, -7.0]
    expected = [4 * math.tanh(0.25), 4 * math.tanh(0.5), 4 * math.tanh(0.5), 0.0]
    assert head.logits(hidden).flatten().tolist() == pytest.approx(expected, abs=1e-6)


@EVERY_KIND
def test_blocks_of_a_chunk_change_nothing(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU a chunk is compared a few rows at a time: here two, of five and of three."""
    case = random_case(17, temperature=0.8, softcap=1.5)
    whole = case.run(kind)
    monkeypatch.setattr(loss_module, "_block_rows", lambda products: 2)
    for chunk in (1000, 3):
        blocks = case.run(kind, chunk)
        assert blocks[0] == pytest.approx(whole[0], abs=1e-6)
        np.testing.assert_allclose(blocks[1], whole[1], atol=1e-6)
        np.testing.assert_allclose(blocks[2], whole[2], atol=1e-6)
        assert blocks[3] == pytest.approx(whole[3], abs=1e-5)


def test_a_block_fits_the_cache() -> None:
    """4 MiB of float32: 21 rows of a vocabulary of 49,152, and never fewer than four."""
    assert loss_module._block_rows(torch.empty(0, 49152)) == 21
    assert loss_module._block_rows(torch.empty(0, 10**7)) == 4
    assert loss_module._block_rows(torch.empty(512, 49152, device="meta")) == 512


def test_a_rule_may_write_over_its_logits() -> None:
    """The contract that lets rules work in place: what they return may be the very buffer of the logits."""

    def halves(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        loss_C = 0.5 * logits_CV.square().sum(-1)
        return RuleOutputs(loss_C, logits_CV, {})

    hidden = torch.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    out = graded_loss(LossInputs(hidden, Head(torch.tensor([[2.0]]), 1), torch.ones(3), chunk=2), halves)
    # (2 h)^2 / 2, derivative 4 h.
    assert out.loss.item() == 28.0
    assert torch.autograd.grad(out.loss, [hidden])[0].flatten().tolist() == [4.0, 8.0, 12.0]
