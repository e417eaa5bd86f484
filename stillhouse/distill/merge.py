"""A LoRA adapter folded into the model that it was trained on, so that programs without peft can run the two.

The sum W + scale B A is taken in float32 and rounded once, when it is saved: added in bfloat16, the small correction
would be rounded first and its sum once more.
"""

import re
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stillhouse.distill.adapter_config import ADAPTER_CONFIG, read_adapter_config
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.errors import ConfigError, ModelError
from stillhouse.models.gguf import without_progress_bars
from stillhouse.models.local import load_model, load_tokenizer, resolve
from stillhouse.records import check_free, check_place

__all__ = ["MergedType", "merge_adapter"]

MergedType = Literal["auto", "float32", "bfloat16", "float16"]

_WEIGHTS = "adapter_model.safetensors"
_DOWN = re.compile(r"(?:base_model\.model\.)?(?P<module>.*)\.lora_(?:A\.weight|embedding_A)")


def merge_adapter(adapter: Path, base: str, folder: Path, dtype: MergedType = "auto") -> torch.dtype:
    """Write `folder`: the model called `base` (see `models.local.resolve`) with the LoRA adapter of `adapter` in it.

    A Hugging Face folder that appears whole or not at all, with the tokenizer that lies beside the adapter or else
    the base's. Returns the type of its weights; `auto` is the type that the base is stored in. Tied embeddings stay
    tied unless the adapter changes one of them. ConfigError if `adapter` is no LoRA adapter in safetensors, ModelError
    if it does not fit `base`, `base` does not load or a weight of the sum is not finite, RunFolderError if `folder` is
    not empty, StorageError if the disk refuses.
    """
    check_free(folder, "--out")
    check_place(folder, make_parents=True)
    config = read_adapter_config(adapter)
    names = _adapter_weights(adapter, config)
    tokenizer, model = _tokenizer(adapter, base), load_model(base)
    kept = _stored_type(base) if dtype == "auto" else getattr(torch, dtype)
    merged: Any = _merged(adapter, config, names, base, model)
    merged.to(dtype=kept)
    _check_finite(adapter, base, merged, kept)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as draft, without_progress_bars():
        merged.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    return kept


def _adapter_weights(adapter: Path, config: LoraConfig) -> set[str]:
    """The names of the weights in `adapter`; ConfigError unless they have the ranks that `config` gives them."""
    try:
        with safe_open(adapter / _WEIGHTS, framework="pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{adapter / _WEIGHTS}: cannot be read ({reason}); save the adapter as safetensors") from None
    ranks: dict[str, int] = config.rank_pattern or {}
    for name, shape in shapes.items():
        if found := _DOWN.fullmatch(name):
            rank = ranks.get(get_pattern_key(list(ranks), found["module"]), config.r)
            if [rank] != shape[:1]:
                raise ConfigError(
                    f"{adapter / ADAPTER_CONFIG}: gives {found['module']} the rank {rank}, and its weights have the "
                    f"shape {shape}; put the config there that was saved with them"
                )
    return set(shapes)


def _tokenizer(adapter: Path, base: str) -> PreTrainedTokenizerBase:
    if not (adapter / "tokenizer.json").is_file():
        return load_tokenizer(base)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(adapter)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{adapter}: its tokenizer does not load ({reason}); mend or remove it") from error
    return tokenizer


def _stored_type(base: str) -> torch.dtype:
    where = resolve(base)
    if isinstance(where, Path) and where.is_file():
        return torch.float32  # unpacked from GGUF
    stored: torch.dtype | None = AutoConfig.from_pretrained(where).dtype
    return stored or torch.float32


def _check_finite(adapter: Path, base: str, merged: PreTrainedModel, kept: torch.dtype) -> None:
    for weight, values in merged.named_parameters():
        if not all(bool(end.isfinite()) for end in values.detach().aminmax()):
            raise ModelError(
                f"{adapter}: {base} with it in {str(kept).removeprefix('torch.')} has NaN or infinity in {weight}; "
                "give --dtype bfloat16 if a number is too large for the type, else replace the adapter or the base"
            )


def _merged(adapter: Path, config: LoraConfig, names: set[str], base: str, model: PreTrainedModel) -> PreTrainedModel:
    if any(".embed_tokens." in name or ".lm_head." in name for name in names):
        _untie(model)
    try:
        with warnings.catch_warnings():
            # peft still asks by a name that transformers has replaced; missing weights are an error below.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)
            wrapped: Any = PeftModel.from_pretrained(model, str(adapter), config=config)
    except (ValueError, RuntimeError) as error:  # no such modules; other shapes
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{adapter}: does not fit {base} ({reason}); give the model that it was trained on") from error
    except KeyError as error:  # peft looks up each weight of a module that is saved whole
        [wanted] = error.args
        if not str(wanted).startswith("base_model.model."):
            raise
        raise ModelError(
            f"{adapter}: has no {wanted}, which its modules_to_save {config.modules_to_save} promises for {base}; "
            "give the model that it was trained on, or save the adapter whole"
        ) from None
    # peft goes on without a word, or with a warning, where weights are left over or missing.
    awaited = get_peft_model_state_dict(wrapped, save_embedding_layers=False).keys()
    # Weights of the base that the file holds too are loaded over it: peft adds the embeddings when it thinks fit.
    placed = wrapped.state_dict().keys() | get_peft_model_state_dict(wrapped, save_embedding_layers=True).keys()
    if strange := sorted((names - placed) | (awaited - names)):
        lacking = "has no place for" if strange[0] in names else "waits for"
        raise ModelError(
            f"{adapter}: does not fit {base}, which {lacking} {len(strange)} of the adapter's weights "
            f"({strange[0]}, ...); give the model that it was trained on"
        )
    merged: PreTrainedModel = wrapped.merge_and_unload()
    return merged


def _untie(model: Any) -> None:
    """Give the output matrix a copy of its own: the adapter changes one of the two, or each by another amount."""
    if model.config.tie_word_embeddings:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
