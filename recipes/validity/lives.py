"""Honest accounts that differ from one another all their lives: what they are used for, how much, and how oddly.

Each has a kind of use, a volume and rates of cues of its own, whose tails are heavy: a few accounts show a cue at most
of their requests and are honest. Within an account requests depend on one another: they come in sessions, some
sessions are about one thing, and rates drift. So nothing but the account is drawn independently.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.cues import CUES
from tests.guard.detection import row

__all__ = ["DAY", "KINDS", "Kind", "Requests", "live", "rows"]

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """`share` of the accounts; median and spread (of the logarithm) of the requests that one makes in a span; median
    rates of the cues, in the order of CUES."""

    share: float
    requests: float
    spread: float
    rates: tuple[float, ...]


KINDS = (
    Kind(0.60, 4.0, 1.2, (0.003, 0.002, 0.002, 0.0005, 0.0005)),  # conversations
    Kind(0.20, 8.0, 1.5, (0.004, 0.004, 0.006, 0.004, 0.004)),  # development
    Kind(0.12, 40.0, 1.4, (0.002, 0.002, 0.001, 0.002, 0.015)),  # programs with tools
    Kind(0.05, 30.0, 1.4, (0.010, 0.100, 0.010, 0.060, 0.005)),  # evaluation
    Kind(0.03, 40.0, 1.4, (0.005, 0.010, 0.150, 0.005, 0.005)),  # test data
)
_LARGEST_RATE = 0.95
_TAIL = 1.3
_DRIFT = 0.5
_MOST_REQUESTS = 20_000
_SESSION = 5.0
_GAP = 40_000_000


@dataclass(frozen=True, slots=True)
class Requests:
    """Of each request whose it is, when (microseconds since the start), and its cues, in the order of time."""

    account: NDArray[np.int64]
    at: NDArray[np.int64]
    cues: NDArray[np.int64]


def live(rng: np.random.Generator, accounts: int, spans: float, span: int, kinds: tuple[Kind, ...]) -> Requests:
    """What about so many accounts ask in `spans` times `span` microseconds, from a service that has as many at all
    times: as many are there as come within a span, and each stays for a span on average, however long it has been
    there. Who asks nothing in that time is not known.
    """
    accounts = round(accounts * (spans + 3) / (spans + 1))
    shares = np.array([kind.share for kind in kinds])
    kind = rng.choice(len(kinds), accounts, p=shares / shares.sum())
    born = np.where(rng.random(accounts) < 1 / (spans + 3), 0.0, rng.random(accounts) * (spans + 2)) * span
    gone = np.minimum(born + rng.exponential(span, accounts), (spans + 2) * span)
    spread = np.array([one.spread for one in kinds])[kind]
    volume = np.array([one.requests for one in kinds])[kind] * np.exp(spread * rng.standard_normal(accounts))
    count = rng.poisson(np.minimum(volume * (gone - born) / span, _MOST_REQUESTS))
    # What an account does by its nature, with a median of one, and how that comes and goes within two spans.
    nature = np.minimum((rng.pareto(_TAIL, (accounts, len(CUES))) + 1) / 2 ** (1 / _TAIL), 1e4)
    drift, phase = _DRIFT * rng.standard_normal(accounts), rng.random(accounts)
    owner, when, mood = _sessions(rng, born, gone, count)
    wave = np.sin(2 * np.pi * (when / (2 * span) + phase[owner]))
    rates = np.array([one.rates for one in kinds])[kind] * nature
    rate = rates[owner] * (mood * np.exp(drift[owner] * wave))[:, None]
    shown = rng.random(rate.shape) < np.minimum(rate, _LARGEST_RATE)
    masks = shown @ np.array([int(cue) for cue in CUES])
    order = np.lexsort((owner, when))
    order = order[(when[order] >= span) & (when[order] < (spans + 1) * span)]
    return Requests(owner[order], (when[order] - span).astype(np.int64), masks[order].astype(np.int64))


def _sessions(
    rng: np.random.Generator, born: NDArray[np.float64], gone: NDArray[np.float64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Owner and time of each request, and how much of its session is about what the account shows cues at."""
    owner = np.repeat(np.arange(len(count)), count)
    begins = rng.random(len(owner)) < 1 / _SESSION
    begins[(np.cumsum(count) - count)[count > 0]] = True
    session = np.cumsum(begins) - 1
    first = owner[begins]
    start = born[first] + rng.random(len(first)) * (gone[first] - born[first])
    mood = rng.gamma(0.5, 2.0, len(first))
    place = np.arange(len(owner)) - np.flatnonzero(begins)[session]
    when = np.minimum(start[session] + place * _GAP * rng.exponential(1.0, len(owner)), gone[owner] - 1)
    return owner, when, mood[session]


def rows(asked: Requests, start: int, name: str) -> Iterator[Row]:
    """The rows, from the time `start` on; ids and accounts begin with `name`. In the evidence half, without content."""
    like = row("", 0, "")
    for number, (account, at, mask) in enumerate(
        zip(asked.account.tolist(), asked.at.tolist(), asked.cues.tolist(), strict=True)
    ):
        yield like._replace(at=start + at, id=f"{name}{number}", account=f"{name}{account}", cues=mask)
