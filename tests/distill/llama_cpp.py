"""llama.cpp itself, asked over its own server what it makes of a GGUF file."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import torch
import xllamacpp

__all__ = ["LlamaCpp", "worst_difference"]


class LlamaCpp:
    """A server of one GGUF file in this process, one thread, keys and values in float32."""

    def __init__(self, file: Path, context: int = 256) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_ctx, params.n_parallel, params.n_gpu_layers = context, 1, 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.port, params.verbosity, params.warmup = 0, -1, False
        self.server = xllamacpp.Server(params)

    def ask(self, path: str, question: dict[str, Any] | None = None) -> Any:
        data = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(
            self.server.listening_address + path, data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def tokens(self, text: str) -> list[int]:
        """How the text is cut, special tokens recognised, none added."""
        found: list[int] = self.ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})[
            "tokens"
        ]
        return found

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        """The `count` tokens that follow, each the likeliest."""
        question = {"prompt": prompt, "n_predict": count, "temperature": 0, "return_tokens": True}
        found: list[int] = self.ask("/completion", question)["tokens"]
        return found

    def logprobs(self, prompt: list[int], top: int, whole: int) -> dict[int, float]:
        """Log-probabilities of the `top` likeliest tokens after `prompt`.

        The server reports none where the token that it chose ends amid a character, so it is made to choose `whole`;
        what it reports is from before that.
        """
        question = {"prompt": prompt, "n_predict": 1, "n_probs": top, "logit_bias": [[whole, 1e4]], "temperature": 0}
        [row] = self.ask("/completion", question)["completion_probabilities"]
        assert row["id"] == whole
        return {one["id"]: one["logprob"] for one in row["top_logprobs"]}


def worst_difference(model: Any, served: LlamaCpp, prompt: list[int], count: int, top: int, whole: int) -> float:
    """Of a log-probability, Transformers' against llama.cpp's: the `top` likeliest after each of `count` greedy tokens.

    Fails where the greedy tokens themselves differ. `whole` is a token that is a whole character, see `logprobs`.
    """
    chosen = served.greedy(prompt, count)
    with torch.inference_mode():
        logits = model(torch.tensor([prompt + chosen])).logits[0, len(prompt) - 1 :]
    assert logits[:-1].argmax(-1).tolist() == chosen
    worst = 0.0
    for length, ours in enumerate(logits.log_softmax(-1)):
        theirs = served.logprobs(prompt + chosen[:length], top, whole)
        assert len(theirs) == top
        worst = max(worst, *(abs(float(ours[token]) - found) for token, found in theirs.items()))
    return worst
