"""An odd and honest account is odd every day, and that must not add up to a conviction."""

import numpy as np
from numpy.typing import NDArray

from recipes.validity.accounts import hypotheses, reference_of
from recipes.validity.exceeding import exceeding
from recipes.validity.lives import DAY, Requests
from stillhouse.guard.features.cues import Cue
from stillhouse.guard.reference.reference import Reference

ALPHA = 0.001
DAYS = 8
A_DAY = 70
"""Requests of an account: enough to be judged each day."""


def people(rng: np.random.Generator, accounts: int, days: int) -> Requests:
    """Each asks for verdicts at a rate of its own, every day. Three in a hundred do so at a sixth of their requests."""
    rates = np.minimum(0.001 * (rng.pareto(0.7, accounts) + 1), 0.9)
    account = np.repeat(np.arange(accounts), days * A_DAY)
    day = np.tile(np.repeat(np.arange(days), A_DAY), accounts)
    at = day * DAY + rng.integers(0, DAY, len(day))
    cues = int(Cue.VERDICT) * (rng.random(len(day)) < rates[account])
    order = np.argsort(at)
    return Requests(account[order], at[order], cues[order])


def multiplied(reference: Reference, asked: Requests) -> NDArray[np.float64]:
    """What must not be done: each day is judged by itself, and the e-values of an account's days are multiplied."""
    days = [asked.at // DAY == day for day in range(DAYS)]
    parts = [Requests(asked.account[today], asked.at[today], asked.cues[today]) for today in days]
    total = np.zeros(int(asked.account.max()) + 1)
    for part in parts:
        found = hypotheses(reference, part)
        known = found.account >= 0
        total[found.account[known]] += found.log_e[known]
    return total


def test_evidence_is_not_multiplied_over_the_days_of_an_account() -> None:
    rng = np.random.default_rng(2)
    reference = reference_of(rng, people(rng, 500, 1), DAY)
    asked = people(rng, 200, DAYS)
    (real,) = exceeding(hypotheses(reference, asked).log_e, [ALPHA])
    assert not real.is_broken
    (wrong,) = exceeding(multiplied(reference, asked), [ALPHA])
    assert wrong.low > 5 * ALPHA
