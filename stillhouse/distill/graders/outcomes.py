"""Divergence between two distributions on a handful of outcomes, one of which stands for all the rest.

Merging outcomes can only lose a difference, never make one (the data-processing inequality), so the divergence on few
outcomes is a lower bound of the divergence on all of them, and 0 where the two agree.
"""

import math

import torch
from torch import Tensor

__all__ = ["outcome_divergence"]


def outcome_divergence(logp_CK: Tensor, logq_CK: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, d loss / d `logp_CK` (each entry by itself) and reverse KL of each row, in nats.

    Rows are log-probabilities of K outcomes that sum to 1, of the student (p) and the teacher (q). `beta` as in
    `divergence`: 0 forward KL, 1 reverse KL, generalised Jensen-Shannon between.
    """
    p, q = logp_CK.exp(), logq_CK.exp()
    kl_C = (p * (logp_CK - logq_CK)).sum(-1)
    if beta == 0:
        return (q * (logq_CK - logp_CK)).sum(-1), -q, kl_C
    if beta == 1:
        return kl_C, p * (logp_CK - logq_CK + 1), kl_C
    logm = torch.logaddexp(logp_CK + math.log1p(-beta), logq_CK + math.log(beta))
    loss_C = beta * (q * (logq_CK - logm)).sum(-1) + (1 - beta) * (p * (logp_CK - logm)).sum(-1)
    # The terms in m cancel but for the constant: d/dp = (1 - beta) (log p/m + 1) - (1 - beta).
    return loss_C, (1 - beta) * p * (logp_CK - logm), kl_C
