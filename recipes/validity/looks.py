"""Honest groups as looks: how many of their people stand out is drawn, and what that is worth is asked of the guard.

A group has a share of people who stand out by words, and one by times, that moves with it: a group that is low in one
is low in the other, which is the worst case for lines that are averaged. It grows, and is looked at whenever it has
doubled, as the detector does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from stillhouse.guard.evidence.group import LEAST_PARTIES, Look
from stillhouse.guard.evidence.horizons import log_share_of_look
from stillhouse.guard.evidence.line import log_e_of
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.persistence import Counted, PersistenceNull
from stillhouse.guard.features.cues import CUES
from stillhouse.stats.evalue import log_sum_e

__all__ = ["PEOPLE", "TIMES", "WORDS", "People", "Weighed", "simulated"]

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

_LARGEST = 150
WORDS, TIMES = -0.5, 0.5
"""Logits of the middle group's shares."""


@dataclass(frozen=True, slots=True)
class People:
    """`draw` gives the logit of so many groups' shares, less that of the middle group. `today` moves the log's groups
    away from the reference's. People come in cliques of `together` who stand out together or not. A reference has each
    group in so many `parts`, as it has crowds.
    """

    name: str
    fits: bool
    """Whether it is the model: normal on the logit scale, people independent, the log's groups as the reference's."""
    draw: Draw
    today: float = 0.0
    together: int = 1
    parts: int = 1


def _normal(spread: float) -> Draw:
    return lambda rng, n: spread * rng.standard_normal(n)


def _student(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return 0.75 * rng.standard_t(3, n)


def _skewed(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return -rng.gumbel(0.0, 0.8, n)


def _beta(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    shares = np.where(rng.random(n) < 0.8, rng.beta(8, 6, n), rng.beta(2, 6, n))
    return np.asarray(logit(np.clip(shares, 1e-9, 1 - 1e-9)))


def _two_kinds_of_people(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    regular = rng.beta(1.5, 1.0, n)
    return np.asarray(logit(0.8 * regular + 0.04 * (1 - regular)))


def _rare_kind(share: float) -> Draw:
    """Some groups of a kind that is nearly a queue."""

    def draw(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        return np.where(rng.random(n) < share, -4.0, 0.0) + 0.5 * rng.standard_normal(n)

    return draw


PEOPLE = (
    People("normal, spread 0.5", True, _normal(0.5)),
    People("normal, spread 1", True, _normal(1.0)),
    People("normal, spread 2", True, _normal(2.0)),
    People("normal, spread 1, thirty parts of each in the reference", True, _normal(1.0), parts=30),
    People("two kinds of people, mixed in each group", False, _two_kinds_of_people),
    People("mixture of two betas", False, _beta),
    People("normal, spread 1, people in cliques of four", False, _normal(1.0), together=4),
    People("Student's t with 3 degrees, scale 0.75", False, _student),
    People("skewed to queues (Gumbel, scale 0.8)", False, _skewed),
    People("1 % of the groups nearly queues", False, _rare_kind(0.01)),
    People("5 % of the groups nearly queues", False, _rare_kind(0.05)),
    People("normal, spread 1; half the odds today", False, _normal(1.0), today=-np.log(2)),
    People("normal, spread 1; a fifth of the odds today", False, _normal(1.0), today=-np.log(5)),
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Of new honest groups the ln e in the end, which is the largest, and ln p of the line `either` in the last look.

    `reference` is how many groups the reference had.
    """

    reference: int
    log_e: NDArray[np.float64]
    log_p: NDArray[np.float64]


def simulated(rng: np.random.Generator, people: People, plan: Mapping[int, tuple[int, int]]) -> Iterator[Weighed]:
    """`plan[groups]` says how many references of so many groups there are, and how many new groups each judges."""
    now = replace(people, draw=lambda rng, n: people.draw(rng, n) + people.today)
    for groups, (references, judged) in plan.items():
        log_es, log_ps = [], []
        for _ in range(references):
            honest = enumerate(grown[-1] for grown in _groups(rng, people, groups, people.parts))
            null = _remembering(GroupNull.of([(at // people.parts, look) for at, look in honest]))
            for looks in _groups(rng, now, judged):
                lines = [null.lines(one) for one in looks]
                log_es.append(log_sum_e(log_e_of(found, log_share_of_look(at)) for at, found in enumerate(lines)))
                log_ps.append(next(line.log_p for line in lines[-1] if line.name == "either"))
        yield Weighed(groups, np.array(log_es), np.array(log_ps))


def _groups(rng: np.random.Generator, people: People, n: int, parts: int = 1) -> Iterator[list[Look]]:
    """The looks at each of `parts` parts of each group while it grows."""
    logits = np.repeat(people.draw(rng, n), parts)
    sizes = np.exp(rng.uniform(np.log(LEAST_PARTIES), np.log(_LARGEST), n * parts)).astype(int)
    for shift, size in zip(logits, sizes.tolist(), strict=True):
        cliques = -(-size // people.together)
        words, times = (
            np.repeat(rng.random(cliques) < expit(middle + shift), people.together)[:size] for middle in (WORDS, TIMES)
        )
        looks, at = [], LEAST_PARTIES
        while at <= size:
            looks.append(
                Look(
                    size=2,
                    content=Counted(int(words[:at].sum()), at),
                    times=Counted(int(times[:at].sum()), at),
                    either=Counted(int((words | times)[:at].sum()), at),
                    shown=(0.0,) * len(CUES),
                    covered=1.0,
                )
            )
            at *= 2
        yield looks


class _Remembering(PersistenceNull):
    """Answers the same question once: it is asked the same few hundred many times."""

    def log_p(self, seen: Counted) -> float:
        return _log_p(self, seen)


_log_p = lru_cache(maxsize=1 << 14)(PersistenceNull.log_p)


def _remembering(null: GroupNull) -> GroupNull:
    persistence = {
        key: None if one is None else _Remembering(one.mean, one.spread, one.groups)
        for key, one in null.persistence.items()
    }
    return replace(null, persistence=persistence)
