"""Hidden states and head together are the model's own logits."""

from typing import Any

import pytest
import torch
from torch import nn

from stillhouse.distill.network import Network
from stillhouse.errors import ModelError
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, tokens


@FAMILIES
def test_head_of_hidden_is_the_models_logits(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    network, ids = Network(model, 290), tokens(12, 2)
    with torch.no_grad():
        logits = network.head.logits(network.hidden(ids).flatten(0, 1))
        expected = model(ids).logits[..., :290].flatten(0, 1)
    assert logits.shape == (24, 290)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


@FAMILIES
def test_right_padding_changes_nothing_before_it(family: str, tiny_llama: TinyLlama) -> None:
    network, ids = Network(family_model(family, tiny_llama), 300), tokens(9, 2)
    with torch.no_grad():
        padded = network.hidden(torch.cat([ids, torch.zeros(2, 5, dtype=torch.long)], dim=1))
        torch.testing.assert_close(padded[:, :9], network.hidden(ids), atol=1e-5, rtol=1e-5)


@FAMILIES
def test_shared_beginning_changes_no_hidden_state(family: str, tiny_llama: TinyLlama) -> None:
    """The beginning is read once; the checkpointed way, which reads it in each row, gives the same."""
    model = family_model(family, tiny_llama)
    network, ids = Network(model, 300), torch.cat([tokens(4, 1).expand(3, 4), tokens(5, 3, seed=9)], dim=1)
    with torch.no_grad():
        whole = network.hidden(ids)
        torch.testing.assert_close(network.hidden(ids, shared=4), whole[:, 4:], atol=1e-5, rtol=1e-4)
    model.activation_checkpointing_enable()
    torch.testing.assert_close(network.hidden(ids, shared=4).detach(), whole[:, 4:], atol=1e-5, rtol=1e-4)


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
