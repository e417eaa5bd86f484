"""How much a client may: reserved before a request is served, put right once its answer is known.

Tokens are reserved as the most that the request may take, so that requests under way at the same time cannot pass a
limit together: a token for every four bytes of its body, as tokenizers have it for English, and for each answer as many
as it asks for, or `default_output` where it does not say. Money is counted when it is spent, and a budget refuses once
it is reached; what is under way by then goes beyond it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from stillhouse.guard.access.failed_keys import FailedKeys
from stillhouse.guard.access.limit_headers import Standing, limit_headers
from stillhouse.guard.access.quota import Quota
from stillhouse.guard.counters.base import LEASE_SECONDS, Claim, Correction, Counters, Exceeded, Taken
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.window import bounds
from stillhouse.guard.settings import Plan, Prices
from stillhouse.guard.wire.base import Asked
from stillhouse.models.spending import cost_usd

__all__ = ["Admission", "FailedKeys", "Limiter"]

_BYTES_A_TOKEN = 4
_DEFAULT_OUTPUT = 1024
_KEPT_QUOTAS = 1 << 16
_RENEWED_AFTER = LEASE_SECONDS / 3


class Admission:
    """What a request was given. `input_tokens` and `output_tokens` are those reserved; `settled` ends it."""

    __slots__ = ("_quota", "_taken", "input_tokens", "output_tokens", "prices", "settled")

    def __init__(
        self, quota: Quota, taken: Taken | None, input_tokens: int, output_tokens: int, prices: Prices
    ) -> None:
        self._quota = quota
        self._taken = taken
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.prices = prices
        self.settled = False

    def headers(self, family: str) -> list[tuple[bytes, bytes]]:
        """The state of the limits for clients of `family` (`openai` or `anthropic`); empty where there are none."""
        taken, quota = self._taken, self._quota
        if taken is None:
            return []
        first, middle = len(quota.budgets), len(quota.claims)
        return limit_headers(
            family,
            _tightest(quota.requests, taken.used[first:middle], taken.at),
            _tightest(quota.tokens, taken.used[middle:], taken.at),
        )


class Limiter:
    """Admits requests and settles them. `default_output` is reserved for an answer whose request names no most.

    `counts_here`: the counters are this process's own, so nothing here waits for anybody.
    """

    def __init__(self, counters: Counters, default_output: int = _DEFAULT_OUTPUT) -> None:
        self.counts_here = isinstance(counters, MemoryCounters)
        self._counters = counters
        self._default_output = default_output
        self._quotas: dict[str, Quota] = {}
        self._held: dict[str, Taken] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def admit(
        self,
        plan: Plan,
        account: str,
        organisation: str,
        key: str,
        prices: Prices,
        asked: Asked,
        body_bytes: int,
        lease: str,
        now: float,
        factor: float = 1.0,
    ) -> Admission:
        """Reserve what the request may take, or raise Refusal(rate_limit or budget) and reserve nothing.

        `body_bytes` are those of text: without images, sound and files, where the caller can tell. `lease` is a name
        that no other request has. `factor` is the share of requests and tokens that is left. Who admits must `settle`.
        """
        quota = self._quotas.get(key)
        if (
            quota is None
            or quota.plan is not plan
            or quota.factor != factor
            or quota.who != (account, organisation, key)
        ):
            quota = self._make_ready(plan, (account, organisation, key), factor)
        input_tokens = -(-body_bytes // _BYTES_A_TOKEN)
        output_tokens = (self._default_output if asked.output_tokens is None else asked.output_tokens) * asked.choices
        claims = quota.claims
        if quota.tokens:
            amount = input_tokens + output_tokens
            claims += tuple([Claim(name, window, limit, amount) for name, window, limit, _ in quota.tokens])
        if not claims and not quota.slots:
            return Admission(quota, None, input_tokens, output_tokens, prices)
        taken = await self._counters.take(claims, now, quota.slots, lease)
        if isinstance(taken, Exceeded):
            raise quota.refusal(taken)
        if quota.slots:
            self._held[lease] = taken
        return Admission(quota, taken, input_tokens, output_tokens, prices)

    async def settle(self, admission: Admission, usage: Mapping[str, int], now: float) -> None:
        """Put right what was reserved and give the slots back; a second call does nothing.

        `usage` has the exchange format's names. Empty is a request that nobody served: it took no tokens.
        """
        taken, settled = admission._taken, admission.settled
        admission.settled = True
        if settled or taken is None:
            return
        quota = admission._quota
        if quota.slots:
            self._held.pop(taken.lease, None)
        corrections: list[Correction] = []
        if quota.tokens:
            used = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
            more = used - admission.input_tokens - admission.output_tokens
            if more:
                corrections += [Correction(claim.name, claim.window, more) for claim in quota.tokens]
        if quota.budgets:
            money = cost_usd(usage, admission.prices)
            if money:
                corrections += [Correction(claim.name, claim.window, money) for claim in quota.budgets]
        if corrections or quota.slots:
            await self._counters.settle(taken, corrections, now)

    def start(self, clock: Callable[[], float]) -> None:
        """Renew the slots of requests that take long, from now on. `clock` tells seconds since 1970."""
        self._renewing = asyncio.get_running_loop().create_task(self._renew(clock))

    async def close(self) -> None:
        """Renew no more; what is held lapses by itself."""
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None

    async def renew(self, now: float) -> None:
        """Renew the slots of requests that began a third of a lease ago or earlier."""
        held = [taken for taken in self._held.values() if taken.at <= now - _RENEWED_AFTER]
        if held:
            await self._counters.renew(held, now)

    async def _renew(self, clock: Callable[[], float]) -> None:
        while True:
            await asyncio.sleep(_RENEWED_AFTER)
            await self.renew(clock())

    def _make_ready(self, plan: Plan, who: tuple[str, str, str], factor: float) -> Quota:
        if len(self._quotas) >= _KEPT_QUOTAS:
            self._quotas.clear()
        quota = self._quotas[who[2]] = Quota(plan, who, factor)
        return quota


def _tightest(claims: tuple[Claim, ...], used: tuple[float, ...], at: float) -> Standing | None:
    """The one of which least is left."""
    if not claims:
        return None
    left = [claim.limit - amount for claim, amount in zip(claims, used, strict=True)]
    least = min(left)
    found = claims[left.index(least)]
    end = bounds(found.window, at)[1]
    return Standing(found.limit, least, at, end if isinstance(found.window, str) else end + found.window)
