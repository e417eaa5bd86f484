"""A GGUF file computes what the student computes: llama.cpp runs it, Transformers reads it back."""

import json
import resource
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from stillhouse.distill.export_gguf import GgufType, export_gguf
from stillhouse.errors import ModelError, StorageError
from stillhouse.models.gguf import load_gguf_model, load_gguf_tokenizer
from stillhouse.models.local import load_model, load_tokenizer
from tests.command import Command
from tests.conftest import TinyLlama
from tests.distill.families import SHAPE
from tests.distill.llama_cpp import LlamaCpp, worst_difference
from tests.tiny import write_folder

PROMPT = [1, 40, 17, 290, 33, 8, 120, 77, 5, 260, 13]
ENDS = {"bos_token_id": 1, "eos_token_id": 2}
LONG = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0}
LONG |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 16}

STUDENTS: dict[str, Any] = {
    "llama tied": (LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": True}),
    "llama untied, padded": (LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": False, "vocab_size": 320}),
    "llama with biases": (LlamaForCausalLM, LlamaConfig, {"attention_bias": True, "mlp_bias": True}),
    "llama with wide heads": (LlamaForCausalLM, LlamaConfig, {"head_dim": 16}),
    "llama 3 positions": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": LONG}),
    "qwen2 tied": (Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True}),
    "qwen2 untied": (Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": False}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"tie_word_embeddings": False, "head_dim": 16}),
}


def student(name: str, **more: Any) -> Any:
    """Three layers in which every weight is random, norms and biases included; `more` goes into the config."""
    model_class, config_class, changes = STUDENTS[name]
    shape = SHAPE | ENDS | {"num_hidden_layers": 3, "intermediate_size": 64} | changes | more
    if model_class is Qwen2ForCausalLM:
        del shape["head_dim"]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        model = model_class(config_class(**shape))
        for values in model.parameters():
            values.add_(0.1 * torch.randn_like(values))
    return model.eval()


@pytest.mark.parametrize("name", STUDENTS)
def test_llama_cpp_computes_the_same(name: str, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    model = student(name)
    folder = write_folder(model, tiny_tokenizer, tmp_path / "student")
    export_gguf(str(folder), tmp_path / "student.gguf", "f32")
    assert worst_difference(model, LlamaCpp(tmp_path / "student.gguf"), PROMPT, 8, 300, PROMPT[1]) < 1e-4


@pytest.mark.parametrize("name", ["llama tied", "qwen2 untied", "qwen3"])
def test_transformers_reads_the_same_weights_back(
    name: str, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = student(name)
    folder = write_folder(model, tiny_tokenizer, tmp_path / "student")
    export_gguf(str(folder), tmp_path / "student.gguf", "f32")
    back = load_gguf_model(tmp_path / "student.gguf", dtype=torch.float32, config=model.config).state_dict()
    ours = model.state_dict()
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[weight], ours[weight]) for weight in ours)
    tokenizer = load_gguf_tokenizer(tmp_path / "student.gguf")
    fillers = {"[PAD298]": 298, "[PAD299]": 299}
    assert tokenizer.get_vocab() == {**tiny_tokenizer.get_vocab(), **fillers}
    assert tokenizer.chat_template == tiny_tokenizer.chat_template
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
    )


@pytest.mark.parametrize(("kind", "nearness"), [("f16", 2**-11), ("bf16", 2**-8), ("q8_0", 1 / 254)])
def test_rounding_is_that_of_the_type(
    kind: GgufType, nearness: float, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """f16 has 10 bits behind the point, bf16 7; q8_0 has 254 steps from -a to a for the largest a of 32 numbers.

    The step of q8_0 is kept in f16, which moves the farthest of 127 steps by 127/2048 of one more.
    """
    model = student("llama tied")
    folder = write_folder(model, tiny_tokenizer, tmp_path / "student")
    export_gguf(str(folder), tmp_path / "student.gguf", kind)
    back = load_gguf_model(tmp_path / "student.gguf", dtype=torch.float32).state_dict()
    for weight, ours in model.state_dict().items():
        if ours.ndim == 1:
            assert torch.equal(back[weight], ours)
            continue
        assert not torch.equal(back[weight], ours)
        rows = ours.unflatten(-1, (-1, 32))
        scale = rows.abs().amax(-1, keepdim=True) if kind == "q8_0" else rows.abs()
        slack = 1 + 2 * 127 / 2048 if kind == "q8_0" else 1.0
        assert bool(((back[weight].unflatten(-1, (-1, 32)) - rows).abs() <= slack * nearness * scale + 1e-7).all())


def test_bundled_model_end_to_end(bundled_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "bundled.gguf"
    assert export_gguf(str(bundled_folder), file, "f16") == file.stat().st_size < 275e6
    assert [path.name for path in tmp_path.iterdir()] == ["bundled.gguf"]
    model, tokenizer = load_model(str(bundled_folder)), load_tokenizer(str(bundled_folder))
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    served = LlamaCpp(file)
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert served.ask("/apply-template", {"messages": messages})["prompt"] == text
    prompt = served.tokens(str(text))
    assert prompt == tokenizer(str(text))["input_ids"]
    assert worst_difference(model, served, prompt, 8, 20, PROMPT[1]) < 0.05


@pytest.mark.slow
def test_bundled_model_reads_back_exactly(bundled_folder: Path, tmp_path: Path) -> None:
    export_gguf(str(bundled_folder), tmp_path / "bundled.gguf", "f32")
    model = load_model(str(bundled_folder))
    back = load_gguf_model(tmp_path / "bundled.gguf", dtype=torch.float32, config=model.config).state_dict()
    assert all(torch.equal(back[name], values) for name, values in model.state_dict().items())


def test_metadata(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    model = tiny_llama(layers=2)
    model.generation_config.eos_token_id = [0, 2]  # two tokens end a turn
    folder = write_folder(model, tiny_tokenizer, tmp_path / "student")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    export_gguf(str(folder), tmp_path / "student.gguf", "q8_0")
    fields = {name: field.contents() for name, field in gguf.GGUFReader(tmp_path / "student.gguf").fields.items()}
    assert fields["general.architecture"] == "llama" and fields["general.name"] == "student"
    assert fields["general.license"] == "apache-2.0" and fields["general.file_type"] == 7
    assert fields["llama.block_count"] == 2 and fields["llama.attention.head_count_kv"] == 2
    assert fields["tokenizer.ggml.eos_token_id"] == 2 and fields["tokenizer.ggml.eot_token_id"] == 0


def test_cut_student_keeps_its_licence(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    folder = write_folder(tiny_llama(layers=2), tiny_tokenizer, tmp_path / "student")
    pruning = {"source": "bundled", "revision": None, "licence": "apache-2.0", "kept": [0, 3]}
    (folder / "pruning.json").write_text(json.dumps(pruning))
    export_gguf(str(folder), tmp_path / "student.gguf")
    assert gguf.GGUFReader(tmp_path / "student.gguf").fields["general.license"].contents() == "apache-2.0"


def refused(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path, kind: GgufType = "f16") -> str:
    write_folder(model, tokenizer, folder / "student")
    before = sorted(folder.rglob("*"))
    with pytest.raises(ModelError) as error:
        export_gguf(str(folder / "student"), folder / "student.gguf", kind)
    assert sorted(folder.rglob("*")) == before
    return str(error.value).removeprefix(f"{folder}/student: ")


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        (
            "qwen2 tied",
            {"use_sliding_window": True},
            "use_sliding_window is true, which a GGUF file of qwen2 cannot say",
        ),
        ("qwen3", {"attention_bias": True}, "attention_bias is true, which llama.cpp does not load for qwen3"),
        ("llama tied", {"hidden_act": "gelu"}, "hidden_act is gelu; llama.cpp computes llama with silu only"),
        ("qwen2 tied", {"rope_parameters": LONG}, "rope_type is llama3, which is not exported for qwen2"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(
    name: str, change: dict[str, Any], fault: str, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = student(name, **change)
    assert fault in refused(model, tiny_tokenizer, tmp_path)


def test_weights_that_do_not_fit_the_type_are_refused(tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    model = student("llama tied")
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = 70000.0
    fault = refused(model, tiny_tokenizer, tmp_path)
    assert fault == "blk.1.ffn_up.weight holds numbers too large for f16; use --type bf16"
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = float("nan")
    assert "up_proj.weight holds NaN or infinity" in refused(model, tiny_tokenizer, tmp_path)


def test_odd_rows_are_refused_for_blocks(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    fault = refused(tiny_llama(layers=1, hidden=40), tiny_tokenizer, tmp_path, "q8_0")
    assert fault == "token_embd.weight has rows of 40, no multiple of 32; use --type f16"


def test_chat_templates_without_a_default_are_refused(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    folder = write_folder(tiny_llama(layers=1, vocab=300), tiny_tokenizer, tmp_path / "student")
    tokenizer: Any = load_tokenizer(str(folder))
    kept, file = tokenizer.chat_template, tmp_path / "student.gguf"
    (folder / "chat_template.jinja").unlink()
    tokenizer.chat_template = {"plain": "another", "tools": kept}
    tokenizer.save_pretrained(folder)
    with pytest.raises(
        ModelError, match="student: has the chat templates plain, tools, and a GGUF file holds one; call"
    ):
        export_gguf(str(folder), file)
    assert not file.exists()
    tokenizer.chat_template = {"default": kept, "tools": "another"}
    tokenizer.save_pretrained(folder)
    export_gguf(str(folder), file)
    assert gguf.GGUFReader(file).fields["tokenizer.chat_template"].contents() == kept


def test_full_disk_leaves_nothing(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    folder = write_folder(tiny_llama(), tiny_tokenizer, tmp_path / "student")
    before, (soft, hard) = sorted(tmp_path.rglob("*")), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, hard))
    try:
        with pytest.raises(StorageError, match=r"student\.gguf: No space left on device while writing [\d,]+ bytes"):
            export_gguf(str(folder), tmp_path / "student.gguf")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(tmp_path.rglob("*")) == before


def test_command(
    command: Command, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    folder = write_folder(tiny_llama(), tiny_tokenizer, tmp_path / "student")
    done = command("distill", "export", folder, "--gguf", tmp_path / "s.gguf", "--type", "q8_0", "--json")
    assert done.code == 0, done.err
    size = (tmp_path / "s.gguf").stat().st_size
    assert json.loads(done.out) == {
        "student": str(folder),
        "gguf": str(tmp_path / "s.gguf"),
        "type": "q8_0",
        "bytes": size,
    }
    fault = command("distill", "export", tmp_path / "nowhere", "--gguf", tmp_path / "s.gguf").fault
    assert fault == f"{tmp_path}/s.gguf: is there already; give a new --gguf, or remove it"
    assert (tmp_path / "s.gguf").stat().st_size == size
    fault = command("distill", "export", folder, "--gguf", tmp_path / "none" / "s.gguf").fault
    assert fault.startswith(f"{tmp_path}/none/s.gguf: No such file or directory; make the folder first")
    fault = command("distill", "export", tmp_path / "nowhere", "--gguf", tmp_path / "t.gguf").fault
    assert fault.startswith(f"{tmp_path}/nowhere: no such model folder")
