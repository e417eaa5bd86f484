"""Models that come as one GGUF file, read into ordinary float weights.

Transformers 5 keeps GGUF weights packed unless told to dequantize, and a packed model cannot be trained,
cut or saved. Whoever already knows the config of the file passes it in: for most families Transformers
finds it by parsing the whole vocabulary, which takes seconds, once more for each object that it makes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["load_gguf_model", "load_gguf_tokenizer", "without_progress_bars"]


def load_gguf_model(file: Path, *, dtype: "torch.dtype", config: "PreTrainedConfig | None" = None) -> "PreTrainedModel":
    """The model in `file`, dequantized to `dtype`, on the CPU, in evaluation mode.

    Raises what Transformers raises: OSError or ValueError for a file that it cannot read.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, GgufConfig

    # The bar over the tensors is tqdm's own and heeds no switch of Transformers; it goes to sys.stderr only.
    with without_progress_bars(), redirect_stderr(io.StringIO()):
        if config is None:
            config = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            config=config,
            quantization_config=GgufConfig(gguf_file=file.name, dequantize=True),
            dtype=dtype,
        )
    unpacked: PreTrainedModel = model.eval()
    return unpacked


def load_gguf_tokenizer(file: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer and the chat template in `file`."""
    from transformers import PreTrainedTokenizerFast

    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(file.parent, gguf_file=file.name)
    return tokenizer


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Transformers draws no bars inside; what was set before comes back."""
    import transformers

    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
