"""Drawing by inversion: exact counts on a grid of uniforms, edges, and independence of the batch."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from stillhouse.distill.sampling import draw, uniforms

SIZES = pytest.mark.parametrize("vocabulary", [1, 5, 255, 256, 257, 600, 1024])
ALMOST_1 = 1 - 2**-53  # the largest uniform there is


def logits_of(probabilities: list[float]) -> torch.Tensor:
    return torch.log(torch.tensor(probabilities))[None]


def random_logits(vocabulary: int, rows: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * 2


def grid(n: int) -> torch.Tensor:
    """(i + 1/2) / n: every interval of length l holds between n l - 1 and n l + 1 of these."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


@SIZES
def test_counts_on_a_grid_of_uniforms_are_the_probabilities(vocabulary: int) -> None:
    n = 20_000
    logits = random_logits(vocabulary)
    tokens, _ = draw(logits.repeat(n, 1), grid(n), 1.0, 1.0)
    expected = n * torch.softmax(logits[0].double(), dim=-1)
    counts = torch.bincount(tokens, minlength=vocabulary)
    assert (counts - expected).abs().max() <= 1.01
    assert tokens.tolist() == sorted(tokens.tolist()), "inversion takes tokens in their order"


def test_chi_square_with_random_uniforms() -> None:
    n = 20_000
    logits = random_logits(300, seed=1)
    tokens, _ = draw(logits.repeat(n, 1), uniforms(3, 4, n, 1)[:, 0], 1.0, 1.0)
    p = torch.softmax(logits[0].double(), dim=-1).numpy()
    likely = p * n >= 5
    counts = np.bincount(tokens.numpy(), minlength=300)
    observed = [*counts[likely], counts[~likely].sum()]
    assert chisquare(observed, n * np.array([*p[likely], p[~likely].sum()])).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
@SIZES
def test_equals_plain_inversion_in_float64(vocabulary: int, temperature: float) -> None:
    logits, u = random_logits(vocabulary, rows=300, seed=2), uniforms(1, 1, 300, 1)[:, 0]
    logp = torch.log_softmax(logits.double() / temperature, dim=-1)
    expected = [
        int(np.searchsorted(np.cumsum(row), x, side="right"))
        for row, x in zip(logp.exp().numpy(), u.numpy(), strict=True)
    ]
    tokens, got = draw(logits.clone(), u, temperature, 1.0)
    assert tokens.tolist() == expected and tokens.dtype == torch.int64
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), logp[torch.arange(300), tokens], atol=2e-6, rtol=0)


def test_by_hand() -> None:
    """Distribution function of (1/8, 1/2, 0, 3/8): 1/8, 5/8, 5/8, 1."""
    u = [0.0, 0.1249, 0.125, 0.6249, 0.625, 0.9, ALMOST_1]
    weights = torch.tensor([[1.0, 4.0, 0.0, 3.0]])
    tokens, logp = draw(torch.log(weights).repeat(7, 1), torch.tensor(u, dtype=torch.float64), 1.0, 1.0)
    assert tokens.tolist() == [0, 0, 1, 1, 3, 3, 3]
    ln = {0: math.log(1 / 8), 1: math.log(1 / 2), 3: math.log(3 / 8)}
    assert logp.tolist() == pytest.approx([ln[t] for t in tokens.tolist()], abs=1e-6)


@pytest.mark.parametrize("vocabulary", [3, 256, 257, 512, 513, 700])
@pytest.mark.parametrize("top_p", [1.0, 0.9999999])
def test_first_and_last_uniform_never_draw_a_token_without_probability(vocabulary: int, top_p: float) -> None:
    """Nothing before `first` and nothing after `last` has any weight, whole blocks of 256 among them."""
    for first, last in ((0, 0), (1, 1), (vocabulary // 2, vocabulary - 2), (vocabulary - 1, vocabulary - 1)):
        logits = torch.full((1, vocabulary), -torch.inf)
        logits[0, first : last + 1] = random_logits(vocabulary, seed=first)[0, first : last + 1]
        u = torch.tensor([0.0, 1e-300, 0.5, 1 - 1e-16, ALMOST_1], dtype=torch.float64)
        tokens, logp = draw(logits.repeat(5, 1), u, 1.0, top_p)
        assert tokens.min() >= first and tokens.max() <= last
        assert logp.isfinite().all()
        if top_p == 1.0:
            assert tokens[0] == first and tokens[-1] == last


def test_tokens_whose_weight_underflows_are_never_drawn() -> None:
    logits = torch.tensor([[-200.0, 0.0, -200.0, 0.0, -200.0]])
    tokens, _ = draw(logits.repeat(1001, 1), torch.linspace(0, ALMOST_1, 1001, dtype=torch.float64), 1.0, 1.0)
    assert set(tokens.tolist()) == {1, 3}


def test_temperature_0_is_the_likeliest_token_whatever_the_uniform() -> None:
    """The log-probability is that at temperature 1: 0.5, not 1."""
    logits = logits_of([0.2, 0.5, 0.3]).repeat(3, 1)
    for top_p in (1.0, 0.4):
        tokens, logp = draw(logits.clone(), torch.tensor([0.0, 0.5, ALMOST_1], dtype=torch.float64), 0.0, top_p)
        assert tokens.tolist() == [1, 1, 1]
        assert logp.tolist() == pytest.approx([math.log(0.5)] * 3, abs=1e-6)


def test_nucleus_by_hand() -> None:
    """(0.05, 0.5, 0.15, 0.3) at 0.7: {1, 3} hold 0.8. Ranked by probability, token 1 has u < 5/8, token 3 the rest."""
    u = torch.tensor([0.0, 0.62, 0.63, ALMOST_1], dtype=torch.float64)
    tokens, logp = draw(logits_of([0.05, 0.5, 0.15, 0.3]).repeat(4, 1), u, 1.0, 0.7)
    assert tokens.tolist() == [1, 1, 3, 3]
    # Of the whole distribution, not of the nucleus.
    assert logp.tolist() == pytest.approx([math.log(0.5)] * 2 + [math.log(0.3)] * 2, abs=1e-6)


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.9])
def test_nucleus_is_the_smallest_set_that_holds_top_p(top_p: float) -> None:
    n = 20_000
    logits = random_logits(300, seed=5)
    p = torch.softmax(logits[0].double(), dim=-1)
    ranked = p.argsort(descending=True)
    size = int((p[ranked].cumsum(0) < top_p).sum()) + 1
    tokens, _ = draw(logits.repeat(n, 1), grid(n), 1.0, top_p)
    expected = torch.zeros(300, dtype=torch.float64)
    expected[ranked[:size]] = n * p[ranked[:size]] / p[ranked[:size]].sum()
    assert (torch.bincount(tokens, minlength=300) - expected).abs().max() <= 1.01


@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_a_row_does_not_depend_on_the_others(top_p: float) -> None:
    logits, u = random_logits(700, rows=12, seed=7), uniforms(0, 0, 12, 1)[:, 0]
    tokens, logp = draw(logits.clone(), u, 0.9, top_p)
    for row in range(12):
        alone = draw(logits[row : row + 1].clone(), u[row : row + 1], 0.9, top_p)
        assert (alone[0].item(), alone[1].item()) == (tokens[row].item(), logp[row].item())


def test_uniforms_are_a_function_of_seed_and_stream() -> None:
    a = uniforms(5, 6, 40, 30)
    assert torch.equal(a, uniforms(5, 6, 40, 30))
    assert a.dtype == torch.float64 and a.shape == (40, 30) and a.min() >= 0 and a.max() < 1
    assert 0.45 < a.mean() < 0.55
    for seed, stream in ((5, 7), (6, 6), (6, 5)):
        assert not torch.equal(a, uniforms(seed, stream, 40, 30))


def test_uniforms_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    uniforms(1, 2, 3, 4)
    assert torch.equal(before, torch.get_rng_state())
