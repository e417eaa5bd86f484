"""Answers and grades from models that are served by vLLM, in the same shapes as from models that are loaded here.

A student that learns has other weights after each step, so its server is given them before it writes again
(`Served.publish`), and is then asked about a text that the student reads too: nothing else would tell that it answers
from weights other than those that are trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.distill.graders.top_k import TopKGrade
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import CHECK_REPETITION_EVERY, Rollout, repeats
from stillhouse.errors import EndpointError
from stillhouse.models.gguf import without_progress_bars
from stillhouse.models.vllm import Likeliest, VllmServer, Written
from stillhouse.types import Sampling

__all__ = ["Served", "answer_seeds", "check_same_weights", "joined", "remote_rollouts", "remote_top_k", "top_k_of"]

_FLOOR = 1e-9
_MOST_DIFFERENCE = 0.1  # nats a token; kernels that compute in bfloat16 differ by a few hundredths


def remote_rollouts(
    server: VllmServer,
    prompts: Sequence[tuple[str, Sequence[int]]],
    sampling: Sampling,
    *,
    ends: frozenset[int],
    vocabulary: int,
    seeds: Sequence[int],
    source: str,
) -> list[Rollout]:
    """Answer each of `prompts` (id, tokens) once, in their order: what `rollout.generate` does, by a server.

    Each answer has a seed of its own (`answer_seeds`). Log-probabilities are left out at a temperature other than 1,
    which a server does not report. EndpointError for a token that no text can hold.
    """
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


def answer_seeds(seed: int, stream: int, places: Sequence[int]) -> list[int]:
    """The seeds of the answers at `places` of the phase or whatever else (`seed`, `stream`) name."""
    first = (seed * 1_000_003 + stream) * (1 << 20)
    return [(first + place) % (1 << 63) for place in places]


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


@dataclass(frozen=True, slots=True)
class Served:
    """A student's `server`, and the `folder` by way of which it gets weights: both have to see it."""

    server: VllmServer
    folder: Path

    def publish(self, student: Network, probe: Sequence[int]) -> None:
        """Let the server go on with the student's weights as they are.

        EndpointError if it then disagrees with the student about the second half of the text `probe`.
        """
        half = len(probe) // 2
        text = Rollout("", tuple(probe[:half]), tuple(probe[half:]), (), "length", "reference")
        with student.whole():
            with whole_folder(self.folder) as draft, without_progress_bars():
                student.model.save_pretrained(draft)
            self.server.load(self.folder)
            check_same_weights(student, self.server, text)


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
