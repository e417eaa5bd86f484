"""The lines of evidence against an account by itself: what it asks for, when and how much, and both together.

What and when share no feature, but honest machines are odd in one of them: a lab that wants log-probabilities every
night, a server that never sleeps. Who is odd in both stands out in the sum. The e-values are averaged with weights
that were fixed beforehand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillhouse.guard.evidence.conduct import Conduct
from stillhouse.guard.evidence.placing import Placed, Places
from stillhouse.guard.evidence.standing import Standing
from stillhouse.stats.evalue import log_mean_e

__all__ = ["OWN_LINES", "OwnLine", "log_e_of_own", "own_lines", "own_values"]

_WEIGHTS = {"purpose": 0.2, "conduct": 0.3, "both": 0.5}
OWN_LINES = tuple(_WEIGHTS)


@dataclass(frozen=True, slots=True)
class OwnLine:
    """One line: its value in nats, where that lies among honest accounts, and its weight in the average."""

    name: str
    value: float
    placed: Placed
    weight: float


def own_values(standing: Standing, conduct: Conduct) -> dict[str, float]:
    """The numbers by which accounts are compared, by the names of their lines."""
    return {"purpose": standing.value, "conduct": conduct.value, "both": standing.value + conduct.value}


def own_lines(values: Mapping[str, float], places: Mapping[str, Places]) -> tuple[OwnLine, ...]:
    return tuple(OwnLine(name, values[name], places[name].place(values[name]), _WEIGHTS[name]) for name in OWN_LINES)


def log_e_of_own(lines: Sequence[OwnLine]) -> float:
    """ln of the weighted average of the lines' e-values."""
    return log_mean_e([line.placed.log_e for line in lines], [line.weight for line in lines])
