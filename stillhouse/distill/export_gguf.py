"""A student as one GGUF file, for llama.cpp and what is built on it.

llama.cpp's own converter is a script of its repository and comes in no package; its writer, its table of tensor
names and its quantizer do (`gguf`). What is left is done here, for the families whose output is checked against
llama.cpp itself in the tests; any other family is refused instead of written on trust.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import gguf
import torch
from gguf import GGMLQuantizationType, LlamaFileType
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from stillhouse.distill.gguf_vocabulary import gguf_vocabulary
from stillhouse.distill.origins import licence_at
from stillhouse.distill.preflight import check_finite, declared_ends
from stillhouse.errors import ModelError
from stillhouse.models.local import load_model, load_tokenizer, resolve
from stillhouse.records import check_free, check_place
from stillhouse.records.files import disk_errors, sync_folder

__all__ = ["GgufType", "export_gguf"]

GgufType = Literal["f32", "f16", "bf16", "q8_0"]

_FAMILIES = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3}
_TYPES: dict[GgufType, tuple[GGMLQuantizationType, LlamaFileType]] = {
    "f32": (GGMLQuantizationType.F32, LlamaFileType.ALL_F32),
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}


def export_gguf(name: str, file: Path, kind: GgufType = "f16") -> int:
    """Write the model called `name` (see `models.local.resolve`) to `file`, whole or not at all; its size in bytes.

    `kind` is the type of the matrices; norms and biases are float32. `f32` is exact, `bf16` for weights that are
    bfloat16 already. ModelError for a family, rotary scaling or tokenizer that was not checked against llama.cpp,
    and for weights that are not finite or do not fit `kind`; RunFolderError if `file` is there already, StorageError
    if the disk refuses.
    """
    check_free(file, "--gguf")
    check_place(file, make_parents=False)
    tokenizer, model = load_tokenizer(name), load_model(name)
    _check(name, model.config)
    check_finite(name, model)
    writer = gguf.GGUFWriter(None, gguf.MODEL_ARCH_NAMES[_FAMILIES[model.config.model_type]])
    _add_shape(writer, name, model.config, kind)
    _add_vocabulary(writer, model, tokenizer)
    for tensor, values in _tensors(model):
        _add_tensor(writer, name, tensor, values, kind)
    size = sum(one.nbytes for tensors in writer.tensors for one in tensors.values())
    draft = file.with_name(f".{file.name}.{os.getpid()}.new")
    with disk_errors(file, size):
        try:
            _write(writer, draft)
            os.replace(draft, file)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(file.parent)
    return file.stat().st_size


def _check(name: str, config: PreTrainedConfig) -> None:
    """ModelError for what llama.cpp would compute otherwise than Transformers."""
    family = config.model_type
    if family not in _FAMILIES:
        raise ModelError(
            f"{name}: GGUF export knows {', '.join(_FAMILIES)}, not {family}; use llama.cpp's own converter"
        )
    if getattr(config, "use_sliding_window", False):
        raise ModelError(f"{name}: use_sliding_window is true, which a GGUF file of {family} cannot say; switch it off")
    if family == "qwen3" and config.attention_bias:
        raise ModelError(
            f"{name}: attention_bias is true, which llama.cpp does not load for qwen3; it cannot be exported"
        )
    if config.hidden_act != "silu":
        raise ModelError(f"{name}: hidden_act is {config.hidden_act}; llama.cpp computes {family} with silu only")
    kind = config.rope_parameters["rope_type"]
    if kind not in (("default", "llama3") if family == "llama" else ("default",)):
        raise ModelError(
            f"{name}: rope_type is {kind}, which is not exported for {family}; use llama.cpp's own converter"
        )


def _add_shape(writer: gguf.GGUFWriter, name: str, config: Any, kind: GgufType) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(Path(name).name)
    licence = licence_at(resolve(name))
    if licence is not None:
        writer.add_license(licence)
    writer.add_file_type(_TYPES[kind][1])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def _add_vocabulary(writer: gguf.GGUFWriter, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    vocabulary = gguf_vocabulary(tokenizer, model.config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)
    writer.add_add_bos_token(vocabulary.adds_bos)
    writer.add_add_eos_token(vocabulary.adds_eos)
    writer.add_add_space_prefix(False)
    # llama.cpp ends an answer at any of the three; its names differ, its treatment does not.
    ends = sorted(declared_ends(model, tokenizer), key=lambda end: (end != tokenizer.eos_token_id, end))
    adders = (writer.add_eos_token_id, writer.add_eot_token_id, writer.add_eom_token_id)
    if len(ends) > len(adders):
        raise ModelError(f"{tokenizer.name_or_path}: {len(ends)} tokens end an answer, a GGUF file names {len(adders)}")
    for add, token in zip(adders, ends, strict=False):
        add(token)
    for add, optional in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if optional is not None:
            add(optional)
    templates: object = tokenizer.chat_template
    if isinstance(templates, dict) and "default" not in templates:
        raise ModelError(
            f"{tokenizer.name_or_path}: has the chat templates {', '.join(templates)}, and a GGUF file holds one; call "
            "the one that it should hold 'default'"
        )
    if templates is not None:
        writer.add_chat_template(tokenizer.get_chat_template())


def _tensors(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """(GGUF's name, float32 values) of every weight; a tied output matrix is the embedding and not written twice."""
    config = model.config
    names = gguf.get_tensor_name_map(_FAMILIES[config.model_type], config.num_hidden_layers)
    factors = _rope_factors(model)
    if factors is not None:
        yield "rope_freqs.weight", factors
    for name, values in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise ModelError(f"{model.name_or_path}: weight {name} has no name in GGUF; use llama.cpp's own converter")
        if config.model_type == "llama" and ".q_proj." in name:
            values = _interleaved(values, config.num_attention_heads)
        elif config.model_type == "llama" and ".k_proj." in name:
            values = _interleaved(values, config.num_key_value_heads)
        yield mapped, values


def _interleaved(values: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows as llama.cpp's Llama has them: it rotates dimensions 2i and 2i+1 of a head, Transformers i and i+d/2."""
    reordered: torch.Tensor = values.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
    return reordered


def _rope_factors(model: Any) -> torch.Tensor | None:
    """By what each frequency of the plain rotary embedding is divided; None where by nothing."""
    rotary, parameters = model.model.rotary_emb, model.config.rope_parameters
    if parameters["rope_type"] == "default":
        return None
    half = rotary.inv_freq.shape[0]
    plain = parameters["rope_theta"] ** -(torch.arange(half, dtype=torch.float64) / half)
    factors: torch.Tensor = (plain / rotary.inv_freq.double()).float()
    return factors


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: str, values: torch.Tensor, kind: GgufType) -> None:
    wanted = _TYPES[kind][0] if values.ndim > 1 else GGMLQuantizationType.F32
    block = gguf.GGML_QUANT_SIZES[wanted][0]
    if values.shape[-1] % block:
        raise ModelError(f"{name}: {tensor} has rows of {values.shape[-1]}, no multiple of {block}; use --type f16")
    if wanted is GGMLQuantizationType.F16 and float(values.abs().max()) > torch.finfo(torch.float16).max:
        raise ModelError(f"{name}: {tensor} holds numbers too large for f16; use --type bf16")
    writer.add_tensor(tensor, gguf.quantize(values.contiguous().numpy(), wanted), raw_dtype=wanted)


def _write(writer: gguf.GGUFWriter, path: Path) -> None:
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.flush()
        for file in writer.fout or ():
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno is None:  # numpy's word for a write that the disk took in part only
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
    finally:
        writer.close()
