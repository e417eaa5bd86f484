"""What an exported GGUF file computes in llama.cpp, beside Transformers in float32 with the student's own weights.

The bundled model is written in each type and asked for greedy tokens after a chat prompt; the bench fails where those
differ. The largest difference of a log-probability, over the likeliest tokens at each of them, says what a type costs.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch

from bench.results import Row
from stillhouse.distill.export_gguf import GgufType, export_gguf
from stillhouse.models.local import load_model, load_tokenizer
from tests.distill.llama_cpp import LlamaCpp, worst_difference

__all__ = ["main"]

_QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]


def main(argv: Sequence[str]) -> list[Row]:
    """Two rows a type: largest difference of a log-probability in nats, and seconds to write the file."""
    parser = argparse.ArgumentParser(prog="scripts/bench gguf")
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--top", type=int, default=20)
    options = parser.parse_args(argv)
    model, tokenizer = load_model("bundled", dtype=torch.float32), load_tokenizer("bundled")
    text = str(tokenizer.apply_chat_template(_QUESTION, tokenize=False, add_generation_prompt=True))
    prompt: list[int] = tokenizer(text)["input_ids"]
    rows = []
    for kind in get_args(GgufType):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bundled.gguf"
            began = time.perf_counter()
            size = export_gguf("bundled", file, kind)
            seconds = time.perf_counter() - began
            worst = worst_difference(model, LlamaCpp(file), prompt, options.tokens, options.top, prompt[0])
        rows.append(Row.of(f"{kind}: largest difference of a log-probability", [worst], None, "nats"))
        rows.append(Row.of(f"{kind}: writing {size / 1e6:.0f} MB", [seconds], None, "s"))
    return rows
