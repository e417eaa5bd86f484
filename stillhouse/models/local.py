"""The one door through which weights and tokenizers enter this process.

A name is `bundled`, a folder, a `.gguf` file, or a hub name. Who mistypes a folder must not be sent to the
hub, so only `owner/name` counts as a hub name, and only when no folder `owner` is here. Weights are read
from safetensors alone: a pickle can run code.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stillhouse.errors import ModelError
from stillhouse.models.bundled import bundled_model
from stillhouse.models.gguf import load_gguf_model, load_gguf_tokenizer, without_progress_bars

__all__ = ["licence_of", "load_model", "load_tokenizer", "resolve", "weights_digest"]

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def resolve(name: str, *, cache: Path | None = None) -> str | Path:
    """Where the model called `name` is: a local folder or `.gguf` file as a Path, or a hub name as a str.

    `bundled` is converted into `cache` if need be (None: the user's cache folder). Raises ModelError for
    what is none of these.
    """
    if name == "bundled":
        return bundled_model(cache)
    path = Path(name).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return path
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{name}: this folder holds no config.json; give the folder of a Hugging Face model")
        return path
    if _HUB_NAME.fullmatch(name) and path.suffix != ".gguf" and not path.parent.is_dir():
        return name
    kind = "file" if path.suffix == ".gguf" else "model folder"
    raise ModelError(f"{name}: no such {kind}; give `bundled`, a folder, a .gguf file, or a hub name like owner/name")


def load_tokenizer(name: str, revision: str | None = None, *, cache: Path | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer that comes with the model called `name` (see `resolve`)."""
    where = resolve(name, cache=cache)
    with _load_errors(name, where, Exception):  # the tokenizers library has no narrower class of its own
        if isinstance(where, Path) and where.is_file():
            return load_gguf_tokenizer(where)
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(where, revision=revision)
    return tokenizer


def load_model(
    name: str,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> PreTrainedModel:
    """The causal language model called `name` (see `resolve`), in evaluation mode.

    Attention is Transformers' choice: sdpa wherever the family has it. Raises ModelError when the model is
    missing, is no causal language model, or lacks weights that its config asks for, or has them in another shape
    (Transformers would fill those with random numbers).
    """
    where = resolve(name, cache=cache)
    with _load_errors(name, where):
        if isinstance(where, Path) and where.is_file():
            return _moved(load_gguf_model(where, dtype=dtype), device)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            where,
            revision=revision,
            dtype=dtype,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
        )
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: {len(missing)} weights are missing ({missing[0]}, ...); the files do not fit config.json"
        )
    misshapen = sorted(info["mismatched_keys"])
    if misshapen:
        weight, stored, wanted = misshapen[0]
        raise ModelError(
            f"{name}: {len(misshapen)} weights have another shape than in config.json ({weight}: {tuple(stored)}, not "
            f"{tuple(wanted)}); the files do not fit config.json"
        )
    return _moved(model.eval(), device)


def weights_digest(source: Path | PreTrainedModel) -> str:
    """sha256 of a model's weights, as 64 hex digits.

    Of a file, or a folder with one safetensors file: what `sha256sum` prints for that file. Of a folder
    with several shards: of the lines that `sha256sum *.safetensors` prints. Of a model in memory: of each
    parameter's name, dtype, shape and bytes in order of name, which no file's digest equals.
    """
    if isinstance(source, PreTrainedModel):
        digest = hashlib.sha256()
        for name, parameter in sorted(source.named_parameters()):
            digest.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
            digest.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()
    files = [source] if source.is_file() else sorted(source.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{source}: this folder holds no safetensors; save the model with save_pretrained")
    hashes = [_sha256(file) for file in files]
    if len(files) == 1:
        return hashes[0]
    lines = "".join(f"{found}  {file.name}\n" for found, file in zip(hashes, files, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def licence_of(folder: Path) -> str | None:
    """The licence that the model card (`README.md`) of `folder` names in its YAML head; None if it names none."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    head = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", card.read_text(encoding="utf-8"), re.DOTALL)
    if head is None:
        return None
    try:
        data = yaml.safe_load(head.group(1))
    except yaml.YAMLError:
        return None
    named = data.get("license_name") or data.get("license") if isinstance(data, dict) else None
    return named if isinstance(named, str) else None


@contextmanager
def _load_errors(name: str, where: str | Path, *more: type[Exception]) -> Iterator[None]:
    """What Transformers says of a bad model, as one line that names it; no progress bars, no report of its own."""
    logging: Any = transformers.utils.logging
    verbosity = logging.get_verbosity()
    expected: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, SafetensorError, *more)
    logging.set_verbosity_error()
    try:
        with without_progress_bars():
            yield
    except expected as error:
        reason = str(error).strip().partition("\n")[0]
        if isinstance(error, KeyError):
            reason = f"no {reason}"
        if isinstance(where, Path):
            raise ModelError(f"{name}: does not load ({reason}); check or replace its files") from error
        raise ModelError(
            f"{name}: cannot be fetched from the hub ({reason}); check the name and the network, or give a folder"
        ) from error
    finally:
        logging.set_verbosity(verbosity)


def _moved(model: PreTrainedModel, device: str | torch.device) -> PreTrainedModel:
    moved: PreTrainedModel = model.to(device)  # type: ignore[arg-type]
    return moved


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
