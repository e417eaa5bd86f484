"""Answers of a student that is served by vLLM, in the same shape as from one that is loaded here.

A student that learns has other weights after each step, so its server is given them before it writes again
(`Served.publish`), and is then asked about a text that the student reads too: nothing else would tell that it answers
from weights other than those that are trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.grader_settings import TopKSettings
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import CHECK_REPETITION_EVERY, Rollout, repeats
from stillhouse.errors import EndpointError
from stillhouse.models.gguf import without_progress_bars
from stillhouse.models.vllm import VllmServer, Written
from stillhouse.types import Sampling

__all__ = ["Served", "Servers", "answer_seeds", "check_same_weights", "remote_rollouts"]

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


@dataclass(frozen=True, slots=True)
class Servers:
    """The student that writes its answers and the teacher whose probabilities grade, where they are served."""

    student: Served | None = None
    teacher: VllmServer | None = None

    @classmethod
    def of(cls, settings: DistillSettings, run: Path, environ: Mapping[str, str]) -> "Servers":
        """Those that the settings name, for the run in the folder `run`. ConfigError if a key is not in `environ`."""
        given, endpoint = settings.rollout.server, settings.teacher.endpoint
        student = teacher = None
        if given is not None:
            student = Served(VllmServer(given.model, given.endpoint, environ=environ), run / "served")
        if endpoint is not None and settings.reads_server:
            teacher = VllmServer(settings.teacher.model, endpoint, environ=environ)
        return cls(student, teacher)

    def check(self, settings: DistillSettings, text: Sequence[int]) -> None:
        """EndpointError unless they answer, and the teacher with as many tokens as are asked for."""
        if self.student is not None:
            self.student.server.score([text[:2]], [1], 1)
        if self.teacher is not None:
            k = max(part.k for part in settings.graders if isinstance(part, TopKSettings))
            self.teacher.score([text[:2]], [1], k)


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
