"""Cutting layers: what is left computes what those layers compute, loads anywhere, and the right ones go."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from stillhouse.distill.importance import Calibration, block_influence, removals_by_kl
from stillhouse.distill.pruning import Method, PruningReport
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.student import make_student, prune, save_student
from stillhouse.errors import ConfigError, ModelError
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, logits_without, tokens

ANSWERS = [
    Rollout("p", (1, 40, 41, 42), (50, 51, 52, 53, 2), (), "stop", "teacher"),
    Rollout("p", (1, 60), (61, 62, 63, 64, 65, 66), (), "length", "teacher"),
]


def made(model: Any, layers: int, answers: list[Rollout] = ANSWERS, method: Method = "kl") -> tuple[Any, PruningReport]:
    return make_student(model, layers, answers, source="the-source", licence="mit", method=method)


@FAMILIES
def test_cut_model_runs_the_kept_layers(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    whole = logits_without(model, [], tokens())
    student: Any = prune(model, [0, 3, 5])
    with torch.inference_mode():
        logits = student(tokens(), use_cache=False).logits
    assert torch.equal(logits, logits_without(model, [1, 2, 4], tokens()))
    assert not torch.allclose(logits, whole)
    assert torch.equal(logits_without(model, [], tokens()), whole)


@FAMILIES
def test_cache_agrees_with_the_forward_pass(family: str, tiny_llama: TinyLlama) -> None:
    student: Any = prune(family_model(family, tiny_llama), [1, 2, 4, 5])
    ids = tokens(batch=1)
    answer = student.generate(ids, max_new_tokens=6, do_sample=False, eos_token_id=None, min_new_tokens=6)
    expected = ids
    with torch.inference_mode():
        for _ in range(6):
            following = student(expected, use_cache=False).logits[:, -1:].argmax(-1)
            expected = torch.cat([expected, following], dim=1)
    assert torch.equal(answer, expected)


@FAMILIES
def test_saves_and_loads_in_plain_transformers(
    family: str, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = family_model(family, tiny_llama)
    student, report = made(model, 3)
    save_student(student, tiny_tokenizer, tmp_path, report)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.inference_mode():
        assert torch.equal(loaded(tokens()).logits, student(tokens()).logits)
    assert loaded.config.num_hidden_layers == 3
    kinds = getattr(model.config, "layer_types", None)
    if kinds is not None:
        assert loaded.config.layer_types == [kinds[i] for i in report.kept]
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == tiny_tokenizer.chat_template
    kept = json.loads((tmp_path / "pruning.json").read_text())["kept"]
    assert torch.equal(loaded.model.layers[2].mlp.up_proj.weight, model.model.layers[kept[2]].mlp.up_proj.weight)


def test_source_is_untouched_and_nothing_is_shared(tiny_llama: TinyLlama) -> None:
    model = family_model("qwen2", tiny_llama)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = model.config.to_dict()
    student = prune(model, [2, 4])
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.fill_(7.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.config.to_dict() == config
    assert [layer.self_attn.layer_idx for layer in model.model.layers] == [0, 1, 2, 3, 4, 5]
    assert [layer.self_attn.layer_idx for layer in student.model.layers] == [0, 1]
    assert student.config is student.model.config is student.model.layers[0].self_attn.config


def test_tied_embeddings_stay_tied(tiny_llama: TinyLlama) -> None:
    tied, untied = prune(family_model("llama", tiny_llama), [0, 1]), prune(family_model("qwen3", tiny_llama), [0, 1])
    assert tied.lm_head.weight is tied.model.embed_tokens.weight
    assert untied.lm_head.weight is not untied.model.embed_tokens.weight


@pytest.mark.parametrize("keep", [[], [2, 1], [1, 1], [-1, 2], [0, 6]])
def test_impossible_layers_to_keep(keep: list[int], tiny_llama: TinyLlama) -> None:
    with pytest.raises(ConfigError, match="give ascending numbers from 0 to 5"):
        prune(family_model("llama", tiny_llama), keep)


@pytest.mark.parametrize("method", ["kl", "block_influence"])
@pytest.mark.parametrize("planted", [0, 3, 5])
def test_identity_layer_goes_first(method: Method, planted: int, tiny_llama: TinyLlama) -> None:
    model = tiny_llama(layers=6)
    with torch.no_grad():
        model.model.layers[planted].self_attn.o_proj.weight.zero_()
        model.model.layers[planted].mlp.down_proj.weight.zero_()
    student, report = made(model, 5, method=method)
    assert report.removed[0].layer == planted
    assert report.removed[0].score == pytest.approx(0.0, abs=1e-6)
    assert report.kept == tuple(layer for layer in range(6) if layer != planted)
    with torch.inference_mode():
        assert torch.equal(student(tokens()).logits, model(tokens()).logits)


def test_report_says_what_was_done(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(layers=6)
    _, report = made(model, 2)
    assert sorted([*report.kept, *(removal.layer for removal in report.removed)]) == [0, 1, 2, 3, 4, 5]
    assert (report.source, report.licence, report.revision) == ("the-source", "mit", None)
    assert (report.calibration_answers, report.calibration_tokens) == (2, 4 + 4 + 2 + 5)
    other = made(model, 2, [replace(ANSWERS[0], tokens=(70, 2)), ANSWERS[1]], method="block_influence")[1]
    assert other.calibration_sha256 != report.calibration_sha256
    assert len(report.block_influence) == report.source_layers == 6


def test_layers_are_judged_where_answer_tokens_are_predicted(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(layers=6)
    _, report = made(model, 5)
    batches = [
        Calibration(torch.tensor([[1, 40, 41, 42, 50, 51, 52, 53]]), 3),
        Calibration(torch.tensor([[1, 60, 61, 62, 63, 64, 65]]), 1),
    ]
    assert report.block_influence == tuple(block_influence(model, batches))
    assert report.removed == tuple(removals_by_kl(model, batches, 1))


def test_all_layers_may_stay(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(layers=3)
    student, report = made(model, 3)
    assert report.removed == ()
    with torch.inference_mode():
        assert torch.equal(student(tokens()).logits, model(tokens()).logits)


@pytest.mark.parametrize("layers", [0, -1, 7])
def test_impossible_number_of_layers(layers: int, tiny_llama: TinyLlama) -> None:
    with pytest.raises(ConfigError, match=rf"^layers is {layers}; the-source has 6, so give a number from 1 to 6$"):
        made(tiny_llama(layers=6), layers)


def test_calibration_needs_answers(tiny_llama: TinyLlama) -> None:
    with pytest.raises(ConfigError, match=r"^no calibration answers; "):
        made(tiny_llama(layers=3), 2, [])


def test_other_families_are_refused() -> None:
    model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=50, n_positions=16))
    with pytest.raises(ModelError, match="cannot cut a 'gpt2' model; give one of the Llama, Qwen or Gemma families"):
        prune(model, [0])
