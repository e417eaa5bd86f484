"""The limits of one key, made ready: which counters a request of it asks, and what is said where one says no.

A plan has limits for the key, its account and its organisation; each is a counter of its own under one name everywhere,
so accounts of one organisation with different plans share the organisation's count.
"""

import math
from hashlib import sha256
from typing import NamedTuple

from stillhouse.guard.counters.base import Claim, Exceeded, Slot
from stillhouse.guard.counters.window import Window
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Limits, Plan

__all__ = ["Quota", "counter_name"]

_LONGEST_NAME = 255  # what the table of counters holds
_MINUTE = 60


class _Label(NamedTuple):
    """What a counter is, for a refusal."""

    scope: str
    field: str


class Quota:
    """`budgets` and `requests` are claims as they are; `tokens` takes each request's own amount.

    `factor` is the share of requests and tokens that `slow` leaves the account and the key; the organisation's limits
    are also others' and stay.
    """

    __slots__ = ("budgets", "claims", "factor", "labels", "plan", "requests", "slots", "tokens", "who")

    def __init__(self, plan: Plan, who: tuple[str, str, str], factor: float) -> None:
        account, organisation, key = who
        self.plan = plan
        self.who = who
        self.factor = factor
        self.labels: dict[str, _Label] = {}
        budgets: list[Claim] = []
        requests: list[Claim] = []
        tokens: list[Claim] = []
        slots: list[Slot] = []
        for scope, owner, limits, share in (
            ("key", key, plan.key, factor),
            ("account", account, plan.account, factor),
            ("organisation", organisation, plan.organisation, 1.0),
        ):
            for field, window, limit in _windows(limits):
                if limit is None:
                    continue
                name = self._name(organisation, scope, owner, field)
                if field.startswith("budget"):
                    budgets.append(Claim(name, window, limit, 0))
                elif field.startswith("requests"):
                    requests.append(Claim(name, window, _share(limit, share), 1))
                else:
                    tokens.append(Claim(name, window, _share(limit, share), 0))
            if limits.concurrent is not None:
                slots.append(Slot(self._name(organisation, scope, owner, "concurrent"), limits.concurrent))
        self.budgets = tuple(budgets)
        self.requests = tuple(requests)
        self.tokens = tuple(tokens)
        self.slots = tuple(slots)
        self.claims = self.budgets + self.requests

    def _name(self, organisation: str, scope: str, owner: str, field: str) -> str:
        name = counter_name(organisation, scope, owner, field)
        self.labels[name] = _Label(scope, field)
        return name

    def refusal(self, exceeded: Exceeded) -> Refusal:
        """The refusal of a request for which nothing could be taken."""
        claim, _, seconds = exceeded
        scope, field = self.labels[claim.name]
        rule = f"limit.{scope}.{field}"
        if isinstance(claim, Slot):
            at_once = _number(claim.limit, "request")
            message = f"This {scope} may have {at_once} at once; wait until one of them is answered."
            return Refusal("rate_limit", rule, message, retry_after=seconds)
        per = f"a {claim.window}" if isinstance(claim.window, str) else "a minute"
        asked = f"This {scope} may use {_number(claim.limit, 'token')} {per}, and this request may take "
        asked += f"{claim.amount:,}; "
        if math.isinf(seconds):
            return Refusal("rate_limit", rule, asked + "shorten it, or let its answer have fewer tokens.")
        wait = _wait(seconds)
        if field.startswith("budget"):
            message = f"This {scope}'s budget of {claim.limit:g} {per} is spent; it begins anew in {wait}."
            return Refusal("budget", field.replace("_", ".", 1), message, retry_after=seconds)
        if field.startswith("requests"):
            message = f"This {scope} may make {_number(claim.limit, 'request')} {per}; try again in {wait}."
            return Refusal("rate_limit", rule, message, retry_after=seconds)
        return Refusal("rate_limit", rule, asked + f"try again in {wait}, or ask for less.", retry_after=seconds)


def counter_name(organisation: str, scope: str, owner: str, field: str) -> str:
    """A counter's name, whose hash tag is the organisation; a hash stands for what is longer than a table's column."""
    name = f"{{{organisation}}}{scope}:{owner}:{field}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{{{organisation}}}{sha256(name.encode()).hexdigest()}"


def _windows(limits: Limits) -> tuple[tuple[str, Window, float | None], ...]:
    return (
        ("budget_per_day", "day", limits.budget_per_day),
        ("budget_per_month", "month", limits.budget_per_month),
        ("requests_per_minute", _MINUTE, limits.requests_per_minute),
        ("requests_per_day", "day", limits.requests_per_day),
        ("tokens_per_minute", _MINUTE, limits.tokens_per_minute),
        ("tokens_per_day", "day", limits.tokens_per_day),
    )


def _share(limit: float, factor: float) -> int:
    return max(1, math.floor(limit * factor))


def _number(count: float, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _wait(seconds: float) -> str:
    """How long, as a person says it."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    if seconds < 7200:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 3600)} h"
