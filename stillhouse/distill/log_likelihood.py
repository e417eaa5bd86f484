"""How likely an answer is under a model, as a whole and token by token, without gradients.

One pass over packed answers; the vocabulary projection is made a chunk at a time, as in the loss.
"""

from collections.abc import Sequence

import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["log_likelihoods", "token_logprobs"]


@torch.no_grad()
def token_logprobs(
    network: Network, rollouts: Sequence[Rollout], *, temperature: float, batch: int, chunk: int
) -> list[list[float]]:
    """log p(token) in nats of every token of every answer, at `temperature`, `batch` answers at a time."""
    found: list[list[float]] = [[] for _ in rollouts]
    training = network.model.training
    network.model.eval()  # dropout of adapters would make another number of the same answer
    for cpu_batch in micro_batches(rollouts, batch):
        micro = cpu_batch.to(network.device)
        grade = sampled_grade(network.hidden(micro), network.head, micro.token_N, temperature, chunk)
        for row, logp in zip(cpu_batch.row_N.tolist(), grade.logp_N.tolist(), strict=True):
            found[row].append(logp)
    network.model.train(training)
    return found


def log_likelihoods(
    network: Network, rollouts: Sequence[Rollout], *, temperature: float, batch: int, chunk: int
) -> list[float]:
    """The sum of `token_logprobs` of each answer."""
    return [sum(row) for row in token_logprobs(network, rollouts, temperature=temperature, batch=batch, chunk=chunk)]
