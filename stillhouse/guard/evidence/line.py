"""A line of evidence: one p-value with what it was made of, and the e-value that it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stillhouse.stats.evalue import log_e_of_log_p, log_mean_e

__all__ = ["Line", "log_e_of"]


@dataclass(frozen=True, slots=True)
class Line:
    """`weight` is its share of the average over lines; `modelled` says that log_p rests on a model of a tail, not on a
    rank. `facts` are the numbers that it was computed from, for people."""

    name: str
    log_p: float
    weight: float
    modelled: bool = False
    facts: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def log_e(self) -> float:
        return log_e_of_log_p(self.log_p)


def log_e_of(lines: Sequence[Line], log_weight: float = 0.0) -> float:
    """ln of the weighted average of the lines' e-values, times exp(log_weight): the share that this look has."""
    if not lines:
        return float("-inf")
    return log_mean_e([line.log_e for line in lines], [line.weight for line in lines]) + log_weight
