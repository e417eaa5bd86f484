"""Answers and grades from models that are served by vLLM, in the same shapes as from models that are loaded here.

A student that learns has other weights after each step, so its server is given them before it writes again
(`publish`), and is then asked about a text that the student reads too: nothing else would tell that it answers from
weights other than those that are trained.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.distill.graders.top_k import TopKGrade
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import CHECK_REPETITION_EVERY, Rollout, repeats
from stillhouse.errors import ConfigError, EndpointError
from stillhouse.models.gguf import without_progress_bars
from stillhouse.models.vllm import Likeliest, VllmServer, Written
from stillhouse.types import Sampling

__all__ = ["check_same_weights", "joined", "publish", "remote_rollouts", "remote_top_k", "top_k_of"]

_FLOOR = 1e-9
_MOST_DIFFERENCE = 0.1  # nats a token; kernels that compute in bfloat16 differ by a few hundredths


def remote_rollouts(
    server: VllmServer,
    prompts: Sequence[tuple[str, Sequence[int]]],
    sampling: Sampling,
    *,
    ends: frozenset[int],
    vocabulary: int,
    seed: int,
    stream: int,
    source: str,
) -> list[Rollout]:
    """Answer each of `prompts` (id, tokens) once, in their order: what `rollout.generate` does, by a server.

    Each answer has a seed of its own, from (`seed`, `stream`) and its place. Log-probabilities are left out at a
    temperature other than 1, which a server does not report. EndpointError for a token that no text can hold.
    """
    first = (seed * 1_000_003 + stream) * (1 << 20)
    seeds = [(first + i) % (1 << 63) for i in range(len(prompts))]
    written = server.write([tokens for _, tokens in prompts], sampling, ends=ends, seeds=seeds)
    rollouts = []
    for (identity, prompt), answer in zip(prompts, written, strict=True):
        if max(answer.tokens) >= vocabulary:
            raise EndpointError(
                f"{server.place}: wrote token {max(answer.tokens)}, beyond the tokenizer's {vocabulary}; serve "
                "the model with its own tokenizer"
            )
        length = _length(answer, sampling.repetition_stop)
        logprobs = answer.logprobs[:length] if sampling.temperature == 1 else ()
        reason = answer.finish_reason if length == len(answer.tokens) else "repetition"
        rollouts.append(Rollout(identity, tuple(prompt), answer.tokens[:length], logprobs, reason, source))
    return rollouts


def remote_top_k(server: VllmServer, rollouts: Sequence[Rollout], k: int) -> list[TopKGrade]:
    """The grade of each answer by its `k` likeliest tokens: `top_k_grade` at temperature 1, by a teacher's server."""
    texts = [(*r.prompt_tokens, *r.tokens) for r in rollouts]
    return [top_k_of(rows) for rows in server.score(texts, [len(r.prompt_tokens) for r in rollouts], k)]


def top_k_of(rows: Sequence[Likeliest]) -> TopKGrade:
    """The grade of one answer, a row for each of its tokens.

    The tail is 1 - sum(kept) in float64, at least 1e-9 as in `top_k_grade`. Served log-probabilities are rounded to
    float32, so a tail below about 1e-7 is what rounding leaves.
    """
    tokens_NK = torch.tensor([row.tokens for row in rows])
    logp_NK = torch.tensor([row.logprobs for row in rows], dtype=torch.float64)
    kept_N1 = logp_NK.exp().sum(-1, keepdim=True).clamp_max(1 - _FLOOR)
    return TopKGrade(tokens_NK, logp_NK.float(), torch.log1p(-kept_N1).float())


def joined(grades: Sequence[TopKGrade], batch: MicroBatch) -> TopKGrade:
    """The grades of the answers of `batch`, by index as in its `row_N`, one below the other as its tokens are."""
    owners = torch.unique_consecutive(batch.row_N).tolist()
    device = batch.row_N.device
    return TopKGrade(
        torch.cat([grades[i].tokens_NK for i in owners]).to(device),
        torch.cat([grades[i].logp_NK for i in owners]).to(device),
        torch.cat([grades[i].tail_N1 for i in owners]).to(device),
    )


def publish(student: Network, folder: Path, server: VllmServer, probe: Rollout) -> None:
    """Let `server` go on with the student's weights as they are, by way of `folder`, which it has to see.

    EndpointError if it then disagrees with the student about `probe`; ConfigError for a student with adapters.
    """
    if any(".lora_" in name for name, _ in student.model.named_parameters()):
        raise ConfigError("lora: a server takes whole weights, not adapters; train all weights, or write answers here")
    with student.whole():
        with whole_folder(folder) as draft, without_progress_bars():
            student.model.save_pretrained(draft)
        server.load(folder)
        check_same_weights(student, server, probe)


@torch.no_grad()
def check_same_weights(network: Network, server: VllmServer, probe: Rollout) -> None:
    """EndpointError unless `server` gives the answer of `probe` the probabilities that `network` gives it.

    They may differ by 0.1 nats a token, so weights that are a few small updates old pass.
    """
    (batch,) = micro_batches([probe], 1)
    logits = network.head.logits(network.hidden(batch.to(network.device)))
    ours = torch.log_softmax(logits, dim=-1).gather(1, batch.token_N.to(network.device)[:, None])[:, 0].cpu()
    (rows,) = server.score([(*probe.prompt_tokens, *probe.tokens)], [len(probe.prompt_tokens)], 1)
    difference = float((ours - torch.tensor([row.own for row in rows])).abs().mean())
    if not difference <= _MOST_DIFFERENCE:
        raise EndpointError(
            f"{server.place}: its log-probabilities of an answer differ by {difference:.2f} nats a token from those of "
            "the weights here; serve the same model, and let its workers see the folder of the weights"
        )


def _length(answer: Written, window: int) -> int:
    """How many tokens stand before a repetition is seen, looked for where `generate` looks."""
    tokens_1T = torch.tensor([answer.tokens])
    whole = len(answer.tokens) - (answer.finish_reason == "stop")
    for end in range(CHECK_REPETITION_EVERY, whole + 1, CHECK_REPETITION_EVERY):
        if window and end >= window and bool(repeats(tokens_1T[:, :end], window)):
            return end
    return len(answer.tokens)
