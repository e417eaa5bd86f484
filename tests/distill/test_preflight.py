"""Each thing that makes a run senseless is found before it, by name."""

import copy

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.preflight import (
    check_context,
    check_finite,
    check_layers,
    check_same_ends,
    check_same_tokenizer,
    check_targets,
    closing_token,
    declared_ends,
    end_tokens,
    own_vocabulary,
)
from stillhouse.errors import ConfigError, ModelError
from tests.conftest import TinyLlama


def test_same_tokenizer_gives_its_size(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    check_same_tokenizer(tiny_tokenizer, copy.deepcopy(tiny_tokenizer), "t", "s")
    assert own_vocabulary(tiny_tokenizer) == len(tiny_tokenizer)


def test_other_entries_are_named(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.add_tokens(["zebra"])
    size = len(tiny_tokenizer)
    with pytest.raises(
        ModelError, match=rf"'t' and student 's'.*\({size + 1} and {size} entries; 'zebra' is {size} for"
    ):
        check_same_tokenizer(other, tiny_tokenizer, "t", "s")


def test_other_cuts_of_the_same_entries_are_found(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    from tokenizers import pre_tokenizers

    other.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(ModelError, match=r"same entries, but 'The quick brown fox,'... is cut into other tokens"):
        check_same_tokenizer(tiny_tokenizer, other, "t", "s")


def test_ends_are_those_of_config_and_tokenizer(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_llama(1)
    assert model.generation_config is not None
    assert end_tokens(model, tiny_tokenizer) == {2}
    model.generation_config.eos_token_id = [0, 2]
    assert end_tokens(model, tiny_tokenizer) == {0, 2}
    model.generation_config.eos_token_id = None
    assert end_tokens(model, tiny_tokenizer) == {2}


def test_template_that_refuses_a_plain_conversation(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{{ raise_exception('No\\nanswers') }}"
    with pytest.raises(
        ModelError, match=r"its chat template refuses a plain question and answer \(No answers\); use an"
    ):
        closing_token(other, frozenset({2}))


def test_no_end_and_wrong_end_are_faults(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    model, other = tiny_llama(1), copy.deepcopy(tiny_tokenizer)
    assert model.generation_config is not None
    model.generation_config.eos_token_id = None
    other.eos_token = None
    with pytest.raises(ModelError, match="names no EOS token; set eos_token in its tokenizer config"):
        end_tokens(model, other)
    other.eos_token = "<|endoftext|>"
    with pytest.raises(
        ModelError, match=r"closes a turn with '<\|im_end\|>', which is not an EOS token \(<\|endoftext"
    ):
        end_tokens(model, other)


def test_models_must_share_an_end(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    check_same_ends(frozenset({0, 2}), frozenset({2}), tiny_tokenizer)
    with pytest.raises(ModelError, match=r"ends its turns with <\|im_end\|>, the student with <\|endoftext\|>;"):
        check_same_ends(frozenset({2}), frozenset({0}), tiny_tokenizer)


def test_context(tiny_llama: TinyLlama) -> None:
    check_context([("m", tiny_llama(1))], 512)
    with pytest.raises(ModelError, match=r"'m' reads at most 512 tokens, but prompts and answers can reach 513; lower"):
        check_context([("m", tiny_llama(1))], 513)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_must_be_finite(value: float, tiny_llama: TinyLlama) -> None:
    model = tiny_llama(2)
    check_finite("m", model)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 4] = value
    with pytest.raises(ModelError, match=r"'m': weight model\.layers\.1\.mlp\.up_proj\.weight holds NaN or infinity"):
        check_finite("m", model)


def test_layers(tiny_llama: TinyLlama) -> None:
    check_layers("m", tiny_llama(2), 2)
    with pytest.raises(ConfigError, match=r"student\.layers is 3, but 'm' has 2; give a number from 1 to 2"):
        check_layers("m", tiny_llama(2), 3)


def test_adapter_targets(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(2)
    for targets in ("all-linear", "q_proj", "q_proj, mlp.up_proj"):
        check_targets("m", model, targets)
    for targets, wrong in (("q_proj, roj", "roj"), ("embed_tokens", "embed_tokens"), ("", "")):
        with pytest.raises(ConfigError, match=rf"lora\.targets names '{wrong}', which is no linear layer of 'm'"):
            check_targets("m", model, targets)


def test_fillers_at_the_end_are_no_difference(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    size, filled, split = len(tiny_tokenizer), copy.deepcopy(tiny_tokenizer), copy.deepcopy(tiny_tokenizer)
    filled.add_tokens([f"[PAD{size}]", f"[PAD{size + 1}]"])
    check_same_tokenizer(filled, tiny_tokenizer, "t", "s")
    check_same_tokenizer(tiny_tokenizer, filled, "t", "s")
    assert own_vocabulary(filled) == own_vocabulary(tiny_tokenizer) == size
    split.add_tokens([f"[PAD{size}]", "ze\nbra"])
    with pytest.raises(ModelError, match=rf"'\[PAD{size}\]' is {size} for the teacher and absent for") as caught:
        check_same_tokenizer(split, tiny_tokenizer, "t", "s")
    assert "\n" not in str(caught.value)


def test_model_without_a_template_only_declares_its_ends(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    model, base = tiny_llama(1), copy.deepcopy(tiny_tokenizer)
    base.chat_template = None
    assert declared_ends(model, base) == {2}
    with pytest.raises(ModelError, match="has no chat template; use an instruction-tuned model's tokenizer"):
        end_tokens(model, base)


@pytest.mark.parametrize(
    ("after", "closing"), [("<|im_end|>\n", 2), ("<|endoftext|>b\n", 0), ("<b><|endoftext|>", 0), ("", 2)]
)
def test_closing_token_is_the_template_s_own(after: str, closing: int, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}" + after + "{% endfor %}"
    assert other.eos_token_id == 2
    assert closing_token(other, frozenset({0, 2})) == closing


def test_template_that_alters_an_answer_is_refused(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{% for m in messages %}{{ m['content'] | upper }}<|im_end|>{% endfor %}"
    with pytest.raises(ModelError, match="does not show an answer as given; use another template"):
        closing_token(other, frozenset({2}))
