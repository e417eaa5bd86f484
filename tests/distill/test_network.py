"""Hidden states of packed texts, and the head, together are the model's own logits; and so are their gradients."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import DogeConfig, DogeForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM, Mamba2Config, Mamba2ForCausalLM

from stillhouse.distill import attention
from stillhouse.distill.batching import micro_batches
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import ModelError
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, tokens

SHARED = pytest.mark.parametrize("shared", [0, 1, 5])


def texts(shared: int) -> list[Rollout]:
    """Four ragged answers, longer than the window of the families that have one."""
    beginning = tokens(5, 1, seed=11)[0, :shared].tolist()
    given = []
    for seed, (prompt, answer) in enumerate(((2, 9), (7, 3), (1, 1), (4, 8))):
        ids = tokens(prompt + answer, 1, seed=20 + seed)[0].tolist()
        ids[0] = 3 + seed  # so that no more than `shared` tokens are shared
        given.append(Rollout("p", (*beginning, *ids[:prompt]), tuple(ids[prompt:]), (), "stop", "student"))
    return given


def one_by_one(model: Any, given: Sequence[Rollout], vocabulary: int, order: Sequence[int]) -> Tensor:
    """Logits of each answer's tokens, a text at a time by the model's own forward pass."""
    rows = []
    for i in order:
        ids = torch.tensor([[*given[i].prompt_tokens, *given[i].tokens]])
        logits = model(ids, use_cache=False).logits[0, :, :vocabulary]
        rows.append(logits[len(given[i].prompt_tokens) - 1 : -1])
    return torch.cat(rows)


@pytest.mark.parametrize("short", [True, False])
@SHARED
@FAMILIES
def test_packed_texts_give_the_models_logits_and_gradients(
    family: str, shared: int, short: bool, tiny_llama: TinyLlama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multiplied out, as short texts are, and by the fused kernel, as long ones are."""
    if not short:
        monkeypatch.setattr(attention, "_MOST_SCORES", 0)
    model, given = family_model(family, tiny_llama), texts(shared)
    network = Network(model, 290)
    (batch,) = micro_batches(given, 8)
    assert batch.packing.shared == shared
    logits = network.head.project(network.hidden(batch))
    if (cap := network.head.softcap) is not None:
        logits = cap * torch.tanh(logits / cap)
    expected = one_by_one(model, given, 290, batch.row_N.unique_consecutive().tolist())
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)
    probe = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3))
    weights = list(model.parameters())
    for got, true in zip(
        torch.autograd.grad((logits * probe).sum(), weights),
        torch.autograd.grad((expected * probe).sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(got, true, atol=1e-4 * float(true.abs().max()), rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@FAMILIES
def test_families_pass_the_check(family: str, dtype: torch.dtype, tiny_llama: TinyLlama) -> None:
    Network(family_model(family, tiny_llama).to(dtype), 290).check_packing(family)


@FAMILIES
def test_recomputed_activations_give_the_same(family: str, tiny_llama: TinyLlama) -> None:
    model, (batch,) = family_model(family, tiny_llama).train(), micro_batches(texts(3), 8)
    network = Network(model, 290)
    weights = list(model.parameters())
    plain = torch.autograd.grad(network.hidden(batch).square().sum(), weights, allow_unused=True)
    model.activation_checkpointing_enable({"use_reentrant": False})
    again = torch.autograd.grad(network.hidden(batch).square().sum(), weights, allow_unused=True)
    for a, b in zip(plain, again, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            torch.testing.assert_close(a, b)


def test_a_text_does_not_see_its_neighbours(tiny_llama: TinyLlama) -> None:
    network, given = Network(tiny_llama(vocab=300), 290), texts(2)
    (alone,), (both,) = micro_batches(given[:1], 8), micro_batches(given[:2], 8)
    with torch.no_grad():
        hidden = network.hidden(both)[both.row_N == 0]
        torch.testing.assert_close(hidden, network.hidden(alone), atol=1e-5, rtol=1e-5)


def test_a_model_that_mixes_tokens_in_another_way_is_refused() -> None:
    """Without attention there is nothing to exchange; the others attend, but by more than queries, keys and values."""
    state_space = Mamba2ForCausalLM(
        Mamba2Config(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_heads=4, head_dim=16, state_size=8)
    )
    with pytest.raises(ModelError, match=r"^(Mamba2ForCausalLM attends by|'m': its layers do not mix tokens)"):
        Network(state_space, 290).check_packing("m")
    biased = DogeForCausalLM(
        DogeConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    )
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        for p in biased.parameters():
            p.normal_(std=0.3)
    with pytest.raises(ModelError, match=r"^'m': its layers do not mix tokens by attention alone; give .* differ by"):
        Network(biased, 290).check_packing("m")
    other = GPTNeoXForCausalLM(
        GPTNeoXConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48),
    )
    other.set_attn_implementation("eager")
    with pytest.raises(ModelError, match="GPTNeoXForCausalLM attends by 'eager'; give a model"):
        Network(other, 290)


@pytest.mark.parametrize("tied", [True, False])
def test_tied_embeddings_hand_over_rows_and_others_a_dense_gradient(tied: bool, tiny_llama: TinyLlama) -> None:
    model = tiny_llama(vocab=300)
    if not tied:
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    network, (batch,) = Network(model, 290), micro_batches(texts(2), 8)

    def gradient() -> Tensor:
        model.zero_grad()
        logits = network.head.project(network.hidden(batch))
        logits.square().mean().backward()
        embedding: Any = model.get_input_embeddings()
        found: Tensor | None = embedding.weight.grad
        assert found is not None and not found.is_sparse
        return found.clone()

    before = gradient()
    network.share_embedding_gradient()
    embedding: Any = model.get_input_embeddings()
    assert embedding.sparse is tied
    torch.testing.assert_close(gradient(), before)


def test_soft_cap_comes_from_the_config(tiny_llama: TinyLlama) -> None:
    assert Network(family_model("gemma2", tiny_llama), 300).head.softcap == 2.0
    assert Network(family_model("llama", tiny_llama), 300).head.softcap is None


def test_too_few_rows_for_the_tokenizer(tiny_llama: TinyLlama) -> None:
    with pytest.raises(ModelError, match="has 300 vocabulary rows for a tokenizer of 301; resize"):
        Network(tiny_llama(vocab=300), 301)


@pytest.mark.parametrize("head", [None, nn.Linear(32, 300)])
def test_no_head_that_the_loss_can_use(head: Any, tiny_llama: TinyLlama) -> None:
    model = tiny_llama(vocab=300)
    model.set_output_embeddings(head)
    with pytest.raises(ModelError, match="LlamaForCausalLM: no bias-free output projection"):
        Network(model, 300)
