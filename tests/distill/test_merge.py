"""A merged folder computes what base and adapter compute together, and says in one line why it cannot be made."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from rich.console import Console
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.merge import MergedType, merge_adapter
from stillhouse.distill.run import distill
from stillhouse.errors import ConfigError, ModelError, RunFolderError
from tests.command import Command
from tests.conftest import TinyLlama
from tests.distill.families import tokens
from tests.tiny import Pair, run_settings, write_folder

# Of peft itself, where the tests make an adapter or use one.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Model (has|with) `tie_word_embeddings=True`:UserWarning"),
]


def adapted(base: Path, folder: Path, embeddings: bool = False, **options: Any) -> Path:
    """A LoRA adapter of `base` with random weights on both sides, saved as peft saves it."""
    options = {"target_modules": ["q_proj", "v_proj", "down_proj"]} | options
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        wrapped: Any = get_peft_model(load(base), LoraConfig(r=4, lora_alpha=12, task_type="CAUSAL_LM", **options))
        for name, values in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                values.data = 0.2 * torch.randn_like(values)
    wrapped.save_pretrained(folder, save_embedding_layers=embeddings)
    return folder


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(tokens()).logits
    return found


def with_adapter(base: Path, adapter: Path, untied: bool = False) -> torch.Tensor:
    """What peft itself computes with the adapter beside the base's weights, in float32."""
    model = load(base)
    if untied:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        model.config.tie_word_embeddings = False
    return logits(PeftModel.from_pretrained(model, str(adapter)))


@pytest.fixture
def base(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    """Tied embeddings, float32."""
    return write_folder(tiny_llama(layers=2, vocab=300), tiny_tokenizer, tmp_path / "base")


@pytest.fixture
def half(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    """Tied embeddings, stored in bfloat16."""
    model: Any = tiny_llama(layers=2, vocab=300)
    return write_folder(model.to(torch.bfloat16), tiny_tokenizer, tmp_path / "half")


@pytest.mark.parametrize(
    "options",
    [{}, {"use_rslora": True}, {"use_dora": True}, {"target_modules": "all-linear", "rank_pattern": {"k_proj": 2}}],
)
def test_merged_logits_are_the_adapters(options: dict[str, Any], base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter", **options)
    assert merge_adapter(adapter, str(base), tmp_path / "merged") == torch.float32
    expected = with_adapter(base, adapter)
    assert torch.allclose(logits(load(tmp_path / "merged")), expected, atol=1e-5)
    assert (logits(load(base)) - expected).abs().max() > 0.1  # the adapter does something
    assert not any("adapter" in path.name for path in (tmp_path / "merged").iterdir())


def test_tied_embeddings_stay_tied(base: Path, tmp_path: Path) -> None:
    merge_adapter(adapted(base, tmp_path / "adapter"), str(base), tmp_path / "merged")
    merged = load(tmp_path / "merged")
    assert merged.config.tie_word_embeddings and merged.lm_head.weight is merged.model.embed_tokens.weight


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head"]},
        {"modules_to_save": ["lm_head"]},
    ],
    ids=["embedding", "output", "own output"],
)
def test_an_adapter_of_one_of_two_tied_matrices_unties_them(
    options: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    adapter = adapted(base, tmp_path / "adapter", **options)
    merge_adapter(adapter, str(base), tmp_path / "merged")
    merged = load(tmp_path / "merged")
    assert not merged.config.tie_word_embeddings
    assert not torch.equal(merged.lm_head.weight, merged.model.embed_tokens.weight)
    assert torch.allclose(logits(merged), with_adapter(base, adapter, untied=True), atol=1e-5)


def test_bfloat16_base_is_rounded_once(half: Path, tmp_path: Path) -> None:
    adapter = adapted(half, tmp_path / "adapter")
    assert merge_adapter(adapter, str(half), tmp_path / "merged") == torch.bfloat16
    assert merge_adapter(adapter, str(half), tmp_path / "exact", "float32") == torch.float32
    assert torch.allclose(logits(load(tmp_path / "exact")), with_adapter(half, adapter), atol=1e-5)
    exact = load(tmp_path / "exact").state_dict()
    merged = load(tmp_path / "merged", torch.bfloat16).state_dict()
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == "bfloat16"
    assert all(torch.equal(merged[name], values.bfloat16()) for name, values in exact.items())


def test_sum_by_hand(base: Path, tmp_path: Path) -> None:
    """W + (alpha / r) B A with alpha 12 and r 4, in float64."""
    merge_adapter(adapted(base, tmp_path / "adapter"), str(base), tmp_path / "merged")
    parts = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    name = "model.layers.1.mlp.down_proj"
    a, b = (parts[f"base_model.model.{name}.lora_{side}.weight"].double() for side in "AB")
    expected = load(base).state_dict()[f"{name}.weight"].double() + 3.0 * b @ a
    assert torch.allclose(load(tmp_path / "merged").state_dict()[f"{name}.weight"].double(), expected, atol=1e-6)


def test_tokenizer_is_the_bases_or_lies_beside_the_adapter(
    base: Path, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    merge_adapter(adapter, str(base), tmp_path / "first")
    first = AutoTokenizer.from_pretrained(tmp_path / "first")
    assert first.get_vocab() == tiny_tokenizer.get_vocab() and first.chat_template == tiny_tokenizer.chat_template
    first.chat_template = "another"
    first.save_pretrained(adapter)
    merge_adapter(adapter, str(base), tmp_path / "second")
    assert AutoTokenizer.from_pretrained(tmp_path / "second").chat_template == "another"


def test_a_runs_adapter_gives_the_runs_student(pair: Pair, tmp_path: Path) -> None:
    settings = run_settings(pair, steps=2, lora={"r": 4}, evaluation__samples=0, optimizer__warmup=0.0)
    console = Console(file=io.StringIO())
    distill(DistillSettings.model_validate(settings), tmp_path / "run", resume=False, console=console, command=["test"])
    merge_adapter(tmp_path / "run" / "adapter", str(pair.student), tmp_path / "merged")
    merged, student = load(tmp_path / "merged").state_dict(), load(tmp_path / "run" / "student").state_dict()
    assert all(torch.allclose(merged[name], values, atol=1e-6) for name, values in student.items())
    start = load(pair.student).state_dict()
    assert any(not torch.allclose(start[name], values, atol=1e-6) for name, values in student.items())


def config(adapter: Path, **values: Any) -> Path:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return adapter


def test_what_is_no_lora_adapter(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    faults = [
        (tmp_path / "nowhere", "holds no readable adapter_config.json; give the folder that peft saved"),
        (config(adapter, peft_type="IA3"), "is an adapter of kind IA3; only LORA is merged"),
        (config(adapter, peft_type="LORA", layer_replication=[[0, 2]]), r"layer_replication is \[\[0, 2\]\], which is"),
    ]
    for path, fault in faults:
        if path == adapter:
            config(adapter, peft_type="IA3" if "IA3" in fault else "LORA")
        with pytest.raises(ConfigError, match=fault):
            merge_adapter(path, str(base), tmp_path / "merged")
    config(adapter, layer_replication=None)
    (adapter / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(
        ConfigError, match=r"adapter_model\.safetensors: cannot be read \(.*\); save the adapter as saf"
    ):
        merge_adapter(adapter, str(base), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def weight(adapter: Path, value: float) -> Path:
    """Put `value` into the first number of the adapter's first B."""
    weights = load_file(adapter / "adapter_model.safetensors")
    next(values for name, values in sorted(weights.items()) if "lora_B" in name)[0, 0] = value
    save_file(weights, adapter / "adapter_model.safetensors")
    return adapter


@pytest.mark.parametrize(("value", "dtype"), [(math.nan, "auto"), (math.inf, "float32"), (1e6, "float16")])
def test_a_sum_that_is_not_finite_is_not_written(value: float, dtype: MergedType, base: Path, tmp_path: Path) -> None:
    adapter = weight(adapted(base, tmp_path / "adapter"), value)
    with pytest.raises(
        ModelError, match=r"adapter: .*base with it in float.* has NaN or infinity in model\.layers\.0\."
    ):
        merge_adapter(adapter, str(base), tmp_path / "below" / "merged", dtype)
    assert not (tmp_path / "below").exists()


@pytest.mark.parametrize("values", [{"r": 10**9}, {"rank_pattern": {"q_proj": 10**9}}])
def test_a_rank_that_the_weights_do_not_have(values: dict[str, Any], base: Path, tmp_path: Path) -> None:
    adapter = config(adapted(base, tmp_path / "adapter"), **values)
    with pytest.raises(
        ConfigError, match=r"adapter_config\.json: gives model.*_proj the rank 1000000000, and its weights have the sha"
    ):
        merge_adapter(adapter, str(base), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_another_base(
    base: Path, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    wide = write_folder(tiny_llama(layers=2, vocab=300, hidden=64), tiny_tokenizer, tmp_path / "wide")
    short = write_folder(tiny_llama(layers=1, vocab=300), tiny_tokenizer, tmp_path / "short")
    with pytest.raises(ModelError, match=r"adapter: does not fit .*/wide \(.*; give the model that it was trained on$"):
        merge_adapter(adapter, str(wide), tmp_path / "merged")
    with pytest.raises(
        ModelError, match=r"does not fit .*/short, which has no place for 6 of the adapter's weights \(base_model\."
    ):
        merge_adapter(adapter, str(short), tmp_path / "merged")
    tall = write_folder(tiny_llama(layers=3, vocab=300), tiny_tokenizer, tmp_path / "tall")
    with pytest.raises(
        ModelError, match=r"does not fit .*/tall, which waits for 6 of the adapter's weights \(base_model\."
    ):
        merge_adapter(adapter, str(tall), tmp_path / "merged")
    config(adapter, target_modules=["w_pack"])
    with pytest.raises(ModelError, match=r"does not fit .*w_pack"):
        merge_adapter(adapter, str(base), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def weights_of(adapter: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(adapter / "adapter_model.safetensors")
    return found


@pytest.mark.parametrize("name", ["score.weight", "model.norm.weight.strange", "model.layers.0.self_attn.q_proj.bias"])
def test_a_weight_that_has_no_place(name: str, base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    extra = {f"base_model.model.{name}": torch.ones(3)}
    save_file(weights_of(adapter) | extra, adapter / "adapter_model.safetensors")
    with pytest.raises(ModelError, match=rf"/base, which has no place for 1 of the adapter's weights \(base.*{name}, "):
        merge_adapter(adapter, str(base), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_saved_module_that_is_missing(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter", modules_to_save=["lm_head"])
    rest = {name: values for name, values in weights_of(adapter).items() if "lm_head" not in name}
    save_file(rest, adapter / "adapter_model.safetensors")
    with pytest.raises(
        ModelError,
        match=r"adapter: has no base_model\.model\.lm_head\.weight, which its modules_to_save \['lm_head'\] pr",
    ):
        merge_adapter(adapter, str(base), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("options", [{}, {"modules_to_save": ["lm_head"]}, {"target_modules": ["q_proj", "lm_head"]}])
def test_embeddings_that_peft_saves_by_itself_are_merged(options: dict[str, Any], base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter", embeddings=True, **options)
    merge_adapter(adapter, str(base), tmp_path / "merged")
    assert torch.allclose(logits(load(tmp_path / "merged")), with_adapter(base, adapter, untied=True), atol=1e-5)


def test_a_weight_of_the_base_that_the_file_holds_too_is_the_merged_one(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    extra = {"base_model.model.model.norm.weight": torch.full((32,), 1.5)}
    save_file(weights_of(adapter) | extra, adapter / "adapter_model.safetensors")
    merge_adapter(adapter, str(base), tmp_path / "merged")
    assert torch.equal(load(tmp_path / "merged").model.norm.weight, torch.full((32,), 1.5))


def test_a_folder_in_use_is_kept(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    with pytest.raises(RunFolderError, match="is not empty; give a new --out"):
        merge_adapter(adapter, str(base), base)


def test_command(command: Command, base: Path, tmp_path: Path) -> None:
    adapter, out = adapted(base, tmp_path / "adapter"), tmp_path / "more" / "merged"
    done = command("distill", "merge", adapter, "--base", base, "--out", out)
    assert (done.code, done.out) == (0, f"{out}: {base} with {adapter} in it, float32\n")
