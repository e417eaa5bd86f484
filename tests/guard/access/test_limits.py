"""Limits of accounts, organisations and keys: what is reserved, refused, told and settled."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from stillhouse.guard.access.limits import Admission, Limiter
from stillhouse.guard.access.quota import counter_name
from stillhouse.guard.counters.base import LEASE_SECONDS, Correction, Taken
from stillhouse.guard.counters.memory import MemoryCounters
from stillhouse.guard.counters.valkey import ValkeyCounters
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Limits, Plan, Prices
from stillhouse.guard.wire.base import Asked

NOW = 1_795_860_030.0  # 2026-11-28 10:00:30 in UTC
FREE, PRICES = Prices(), Prices(input=2.0, cached_input=0.5, output=8.0)


class Client:
    """A key of an account of an organisation, asking."""

    def __init__(
        self, limiter: Limiter, plan: Plan, account: str = "a", organisation: str = "o", key: str = "k"
    ) -> None:
        self.limiter = limiter
        self.plan = plan
        self.who = account, organisation, key
        self.asked = 0

    async def ask(
        self,
        now: float = NOW,
        output: int | None = 0,
        body: int = 0,
        prices: Prices = FREE,
        factor: float = 1.0,
        choices: int = 1,
    ) -> Admission:
        self.asked += 1
        lease = f"{self.who[2]}{self.asked}"
        asked = Asked("m", output_tokens=output, choices=choices)
        return await self.limiter.admit(self.plan, *self.who, prices, asked, body, lease, now, factor)

    async def refused(self, **options: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.ask(**options)
        return caught.value

    async def settle(self, admission: Admission, usage: Mapping[str, int], now: float = NOW) -> None:
        await self.limiter.settle(admission, usage, now)


def client(**limits: Any) -> Client:
    return Client(Limiter(MemoryCounters()), Plan(account=Limits.model_validate(limits)))


def used(input_tokens: int, output_tokens: int, cached: int = 0) -> dict[str, int]:
    return {"input_tokens": input_tokens, "output_tokens": output_tokens, "cached_input_tokens": cached}


def test_requests_a_minute() -> None:
    async def go() -> None:
        who = client(requests_per_minute=2)
        await who.ask()
        await who.ask()
        refusal = await who.refused()
        assert (refusal.kind, refusal.status, refusal.rule) == ("rate_limit", 429, "limit.account.requests_per_minute")
        assert refusal.message == "This account may make 2 requests a minute; try again in 61 s."
        assert refusal.retry_after == pytest.approx(60, abs=0.01)  # half of the next minute: one of two counts
        await who.ask(now=NOW + 60.01)

    asyncio.run(go())


def test_tokens_are_reserved_and_put_right() -> None:
    async def go() -> None:
        who = client(tokens_per_minute=1000)
        first = await who.ask(body=401, output=199, choices=2)
        assert (first.input_tokens, first.output_tokens) == (101, 398)
        refusal = await who.refused(body=0, output=502)
        assert refusal.rule == "limit.account.tokens_per_minute"
        assert refusal.message.startswith(
            "This account may use 1,000 tokens a minute, and this request may take 502; try"
        )
        second = await who.ask(output=501)
        await who.settle(first, used(90, 10))  # 499 reserved, 100 used
        assert (await who.ask(output=399)).output_tokens == 399
        await who.settle(second, used(0, 900))  # beyond the limit, since it is the truth
        assert (await who.refused(output=1)).retry_after == pytest.approx(30 + 60 * (1 - 999 / 1399), abs=0.01)

    asyncio.run(go())


def test_without_a_most_the_default_is_reserved() -> None:
    async def go() -> None:
        limiter = Limiter(MemoryCounters(), default_output=700)
        who = Client(limiter, Plan(account=Limits(tokens_per_day=1000)))
        assert (await who.ask(output=None)).output_tokens == 700
        refusal = await who.refused(output=None)
        assert refusal.message.endswith("this request may take 700; try again in 14 h, or ask for less.")
        assert refusal.retry_after == pytest.approx(13 * 3600 + 59 * 60 + 30, abs=0.01)

    asyncio.run(go())


def test_a_request_above_its_limit_is_told_that_waiting_does_not_help() -> None:
    async def go() -> None:
        refusal = await client(tokens_per_minute=1000).refused(output=1001)
        assert refusal.retry_after is None
        assert refusal.message == (
            "This account may use 1,000 tokens a minute, and this request may take 1,001; "
            "shorten it, or let its answer have fewer tokens."
        )

    asyncio.run(go())


def test_what_is_refused_has_taken_nothing() -> None:
    async def go() -> None:
        who = client(requests_per_day=2, tokens_per_minute=100, concurrent=2)
        for _ in range(5):
            await who.refused(output=101)
        one = await who.ask(output=50)
        await who.ask(output=50)
        await who.settle(one, used(0, 50))
        assert (await who.refused(output=0)).rule == "limit.account.requests_per_day"

    asyncio.run(go())


def test_requests_at_once() -> None:
    async def go() -> None:
        who = client(concurrent=2)
        first, _ = await who.ask(), await who.ask()
        refusal = await who.refused()
        assert (refusal.rule, refusal.retry_after) == ("limit.account.concurrent", 1.0)
        assert refusal.message == "This account may have 2 requests at once; wait until one of them is answered."
        await who.settle(first, used(1, 1))
        await who.settle(first, used(1, 1))  # settled once
        await who.ask()
        await who.refused()

    asyncio.run(go())


def test_a_budget_is_spent_by_the_prices() -> None:
    async def go() -> None:
        who = client(budget_per_day=1.0)
        first = await who.ask(prices=PRICES)
        await who.settle(first, used(300_000, 50_000, cached=200_000))  # 0.2 + 0.1 + 0.4
        second, third = await who.ask(prices=PRICES), await who.ask(prices=PRICES)
        await who.settle(second, used(0, 37_500))  # 0.3: reached
        refusal = await who.refused(prices=PRICES)
        assert (refusal.kind, refusal.status, refusal.rule) == ("budget", 402, "budget.per_day")
        assert refusal.message == "This account's budget of 1 a day is spent; it begins anew in 14 h."
        await who.settle(third, used(0, 1000))
        await who.ask(prices=PRICES, now=NOW + 14 * 3600)

    asyncio.run(go())


def test_a_monthly_budget_of_an_organisation_is_shared_by_its_accounts() -> None:
    async def go() -> None:
        limiter, plan = Limiter(MemoryCounters()), Plan(organisation=Limits(budget_per_month=1.0))
        one, other, stranger = (
            Client(limiter, plan, "a", "o", "k1"),
            Client(limiter, plan, "b", "o", "k2"),
            Client(limiter, plan, "c", "p", "k3"),
        )
        await one.settle(await one.ask(prices=PRICES), used(500_000, 0))
        refusal = await other.refused(prices=PRICES)
        assert (refusal.rule, refusal.message[:26]) == ("budget.per_month", "This organisation's budget")
        await stranger.ask(prices=PRICES)

    asyncio.run(go())


def test_what_was_reserved_can_be_what_was_used_and_one_never_served_costs_nothing() -> None:
    async def go() -> None:
        who = client(tokens_per_day=1000, budget_per_day=1.0)
        nobody = await who.ask(body=400, output=800, prices=PRICES)
        await who.settle(nobody, {})
        unknown = await who.ask(body=400, output=900, prices=PRICES)
        await who.settle(unknown, used(unknown.input_tokens, unknown.output_tokens))
        assert (await who.refused(output=1)).rule == "limit.account.tokens_per_day"
        counters = who.limiter._counters
        assert isinstance(counters, MemoryCounters)
        changes = counters.changes()
        money = changes[counter_name("o", "account", "a", "budget_per_day"), NOW // 86400 * 86400]
        assert money == pytest.approx((100 * 2.0 + 900 * 8.0) / 1e6)

    asyncio.run(go())


def test_key_account_and_organisation_each_count_for_themselves() -> None:
    async def go() -> None:
        limiter = Limiter(MemoryCounters())
        plan = Plan(
            key=Limits(requests_per_minute=2),
            account=Limits(requests_per_minute=3),
            organisation=Limits(requests_per_minute=4),
        )
        first, second = Client(limiter, plan, key="k1"), Client(limiter, plan, key="k2")
        other = Client(limiter, plan, account="b", key="k3")
        await first.ask()
        await first.ask()
        assert (await first.refused()).rule == "limit.key.requests_per_minute"
        await second.ask()
        assert (await second.refused()).rule == "limit.account.requests_per_minute"
        await other.ask()
        assert (await other.refused()).rule == "limit.organisation.requests_per_minute"

    asyncio.run(go())


def test_slow_leaves_a_share_of_requests_and_tokens_to_key_and_account() -> None:
    async def go() -> None:
        limiter = Limiter(MemoryCounters())
        plan = Plan(
            account=Limits(requests_per_minute=10, tokens_per_minute=1000, concurrent=9, budget_per_day=1.0),
            organisation=Limits(requests_per_day=4),
        )
        who = Client(limiter, plan)
        await who.ask(factor=0.25)
        await who.ask(factor=0.25)
        assert (await who.refused(factor=0.25)).message.startswith("This account may make 2 requests a minute")
        assert (await who.refused(factor=0.01)).message.startswith("This account may make 1 request a minute;")
        assert (await who.refused(output=501, factor=0.5)).retry_after is None
        await who.ask(output=300)
        assert (await who.refused(output=201, factor=0.5)).rule == "limit.account.tokens_per_minute"
        await who.ask(output=200, factor=0.5)
        assert (await who.refused()).rule == "limit.organisation.requests_per_day"

    asyncio.run(go())


def test_a_plan_that_changes_is_in_force_at_once() -> None:
    async def go() -> None:
        who = client(requests_per_minute=1)
        await who.ask()
        await who.refused()
        who.plan = Plan(account=Limits(requests_per_minute=2))
        await who.ask()
        who.plan = Plan()
        assert (await who.ask()).headers("openai") == []

    asyncio.run(go())


def test_headers_tell_the_tightest_limit() -> None:
    async def go() -> None:
        who = client(requests_per_minute=60, requests_per_day=50, tokens_per_minute=100_000)
        await who.ask(output=500)
        admission = await who.ask(output=1500)
        assert dict(admission.headers("openai")) == {
            b"x-ratelimit-limit-requests": b"50",
            b"x-ratelimit-remaining-requests": b"48",
            b"x-ratelimit-reset-requests": b"13h59m30s",
            b"x-ratelimit-limit-tokens": b"100000",
            b"x-ratelimit-remaining-tokens": b"98000",
            b"x-ratelimit-reset-tokens": b"1m30s",
        }
        assert dict(admission.headers("anthropic")) == {
            b"anthropic-ratelimit-requests-limit": b"50",
            b"anthropic-ratelimit-requests-remaining": b"48",
            b"anthropic-ratelimit-requests-reset": b"2026-11-29T00:00:00Z",
            b"anthropic-ratelimit-tokens-limit": b"100000",
            b"anthropic-ratelimit-tokens-remaining": b"98000",
            b"anthropic-ratelimit-tokens-reset": b"2026-11-28T10:02:00Z",
        }
        only = await client(requests_per_minute=60, budget_per_day=5.0).ask()
        assert [name for name, _ in only.headers("openai")] == [
            b"x-ratelimit-limit-requests",
            b"x-ratelimit-remaining-requests",
            b"x-ratelimit-reset-requests",
        ]

    asyncio.run(go())


def test_many_requests_at_once_of_two_gateways_never_exceed(valkey_url: str) -> None:
    async def go() -> None:
        shared = [ValkeyCounters(valkey_url, 5.0) for _ in range(2)]
        plan = Plan(account=Limits(tokens_per_minute=10_000, requests_per_day=1000, concurrent=200))
        clients = []
        for number, counters in enumerate(shared):
            await counters.start()
            clients.append(Client(Limiter(counters), plan, key=f"k{number}"))
        results = await asyncio.gather(
            *(clients[number % 2].ask(output=100) for number in range(300)), return_exceptions=True
        )
        admitted = [result for result in results if isinstance(result, Admission)]
        refusals = [result for result in results if isinstance(result, Refusal)]
        assert (len(admitted), len(refusals)) == (100, 200)
        await asyncio.gather(*(clients[0].settle(admission, used(0, 50)) for admission in admitted))
        again = await asyncio.gather(*(clients[1].ask(output=100) for _ in range(100)), return_exceptions=True)
        assert sum(isinstance(result, Admission) for result in again) == 50
        for counters in shared:
            assert counters.outages == 0
            await counters.close()

    asyncio.run(go())


def test_long_requests_keep_their_slots() -> None:
    async def go() -> None:
        who = client(concurrent=1)
        long = await who.ask()
        for step in range(1, 20):
            await who.limiter.renew(NOW + step * LEASE_SECONDS / 3)
            await who.refused(now=NOW + step * LEASE_SECONDS / 3)
        end = NOW + 19 * LEASE_SECONDS / 3
        await who.settle(long, used(1, 1), now=end)
        await who.limiter.renew(end)
        lost = await who.ask(now=end)  # never settled: its handler died
        await who.refused(now=end + LEASE_SECONDS - 1)
        who.limiter._held.clear()
        await who.ask(now=end + LEASE_SECONDS)
        assert not lost.settled

    asyncio.run(go())


def test_renewing_begins_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.access.limits._RENEWED_AFTER", 0.01)

    async def go() -> None:
        who = client(concurrent=1)
        admission = await who.ask()
        counters = who.limiter._counters
        assert isinstance(counters, MemoryCounters)
        holders = counters._slots[counter_name("o", "account", "a", "concurrent")]
        before = dict(holders)
        who.limiter.start(lambda: NOW + 500)
        while holders == before:
            await asyncio.sleep(0.005)
        await who.limiter.close()
        assert list(holders.values()) == [NOW + 500 + LEASE_SECONDS]
        await who.settle(admission, used(1, 1))

    asyncio.run(go())


def test_settling_twice_at_the_same_time_counts_once() -> None:
    async def go() -> None:
        calls: list[list[Correction]] = []

        class Slow(MemoryCounters):
            async def settle(self, taken: Taken, corrections: Any, now: float) -> None:
                calls.append(list(corrections))
                await asyncio.sleep(0.01)
                await super().settle(taken, corrections, now)

        who = Client(Limiter(Slow()), Plan(account=Limits(tokens_per_day=100)))
        admission = await who.ask(output=60)
        await asyncio.gather(*(who.settle(admission, used(5, 5)) for _ in range(3)))
        assert len(calls) == 1
        assert (await who.ask(output=90)).output_tokens == 90

    asyncio.run(go())


def test_names_fit_the_table_and_keep_their_hash_tag() -> None:
    assert counter_name("acme", "key", "k", "requests_per_day") == "{acme}key:k:requests_per_day"
    longest = [counter_name("o" * 128, "account", letter * 128, "budget_per_month") for letter in "ab"]
    assert longest[0] != longest[1]
    assert all(len(name) <= 255 and name.startswith("{" + "o" * 128 + "}") for name in longest)
