"""Counters shared through a real server: two gateways, dead ones, a server that is killed, frozen, or a cluster."""

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from stillhouse.guard.counters.base import LEASE_SECONDS, Claim, Correction, Exceeded, Slot, Taken
from stillhouse.guard.counters.valkey import ValkeyCounters
from stillhouse.guard.counters.window import bounds
from tests.guard.counters.conftest import Server
from tests.guard.services import free_port

NOW = 1_798_761_500.0
MINUTE, DAILY, MONEY = "{acme}key:k:requests_per_minute", "{acme}key:k:requests_per_day", "{acme}key:k:budget_per_month"
SLOTS = (Slot("{acme}account:a:concurrent", 3),)
PATIENCE = 5.0  # of tests on a busy machine, where it is not what is tested

run = asyncio.run


async def connected(url: str, seconds: float = PATIENCE) -> ValkeyCounters:
    counters = ValkeyCounters(url, seconds)
    await counters.start()
    return counters


async def soon(happens: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_two_gateways_share_every_limit(valkey_url: str, run_in: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def go() -> None:
        gateways = [await connected(valkey_url) for _ in range(2)]
        results = await asyncio.gather(
            *(
                gateways[number % 2].take(
                    [Claim(MINUTE, 60, 50, 1), Claim(DAILY, "day", 1000, 7)],
                    NOW + 10,
                    [Slot("{acme}c", 40)],
                    str(number),
                )
                for number in range(300)
            )
        )
        assert sum(isinstance(result, Taken) for result in results) == 40
        assert {gateway.outages for gateway in gateways} == {0}
        one = next(result for result in results if isinstance(result, Taken))
        await gateways[0].settle(one, [Correction(MINUTE, 60, -1), Correction(MONEY, "month", 0.125)], NOW + 11)
        other = await gateways[1].take(
            [Claim(MINUTE, 60, 50, 1), Claim(MONEY, "month", 9, 0)], NOW + 11, [Slot("{acme}c", 40)], "new"
        )
        assert isinstance(other, Taken)
        assert other.used == (40, 0.125)
        for gateway in gateways:
            await gateway.close()

    run_in(go())


def test_a_dead_gateways_slots_come_back_and_a_living_ones_are_renewed(valkey_url: str) -> None:
    async def go() -> None:
        dead, living, new = [await connected(valkey_url) for _ in range(3)]
        for number in range(2):
            await dead.take([], NOW, SLOTS, f"dead{number}")
        held = await living.take([], NOW, SLOTS, "living")
        assert isinstance(held, Taken)
        await dead.close()
        refused = await new.take([], NOW + LEASE_SECONDS - 1, SLOTS, "new")
        assert isinstance(refused, Exceeded)
        assert (refused.claim, refused.used) == (SLOTS[0], 3)
        await living.renew([held], NOW + 20)
        after = NOW + LEASE_SECONDS + 1
        assert isinstance(await new.take([], after, SLOTS, "new0"), Taken)
        assert isinstance(await new.take([], after, SLOTS, "new1"), Taken)
        assert isinstance(await new.take([], after, SLOTS, "new2"), Exceeded)
        await living.settle(held, [], after)
        assert isinstance(await new.take([], after, SLOTS, "new2"), Taken)
        await living.close()
        await new.close()

    run(go())


def test_a_budget_just_reached_is_spent_and_another_limit_holds_at_once(valkey_url: str) -> None:
    async def go() -> None:
        counters = await connected(valkey_url)
        empty = await counters.take([Claim(MONEY, "month", 2.5, 0), Claim(MINUTE, 60, 2, 1)], NOW)
        assert isinstance(empty, Taken)
        await counters.settle(empty, [Correction(MONEY, "month", 2.5)], NOW)
        spent = await counters.take([Claim(MONEY, "month", 2.5, 0)], NOW)
        assert isinstance(spent, Exceeded)
        assert spent.used == 2.5
        assert spent.seconds == pytest.approx(bounds("month", NOW)[1] - NOW, abs=0.01)
        assert isinstance(await counters.take([Claim(MONEY, "month", 3, 0), Claim(MINUTE, 60, 2, 1)], NOW), Taken)
        assert isinstance(await counters.take([Claim(MINUTE, 60, 2, 1)], NOW), Exceeded)
        assert isinstance(await counters.take([Claim(MINUTE, 60, 3, 1)], NOW), Taken)
        await counters.close()

    run(go())


def test_every_key_lapses_by_itself(make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def go() -> None:
        counters = await connected(server.url)
        now = time.time()
        taken = await counters.take([Claim(MINUTE, 60, 50, 1), Claim(DAILY, "day", 50, 1)], now, SLOTS, "a")
        assert isinstance(taken, Taken)
        await counters.take([Claim(MINUTE, 60, 50, 1), Claim(DAILY, "day", 50, 1)], now, SLOTS, "b")
        await counters.settle(taken, [Correction(MONEY, "month", 0.5), Correction(MINUTE, 60, -9)], now)
        await counters.renew([taken], now)
        await counters.close()

    run(go())
    with server.client() as client:
        left = {key.decode().rpartition(":")[0] or key.decode(): client.pttl(key) / 1000 for key in client.scan_iter()}
    assert len(left) == 4
    assert 100 < left[MINUTE] <= 180
    assert 0 < left[DAILY] <= 86_400 + 60
    assert 0 < left[MONEY] <= 31 * 86_400 + 60
    assert 60 < left["{acme}account:a"] <= 120


def test_a_killed_server_costs_no_request_and_no_daily_count(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()

    async def go() -> None:
        counters = await connected(server.url)
        daily, minute = Claim(DAILY, "day", 100, 1), Claim(MINUTE, 60, 10, 1)
        for number in range(10):
            first = await counters.take([daily, minute], NOW, SLOTS[:0], str(number))
        assert isinstance(first, Taken)
        assert first.used == (10, 10)
        server.kill()
        results = await asyncio.gather(*(counters.take([daily], NOW + 1) for _ in range(5)))
        assert sorted(result.used for result in results if isinstance(result, Taken)) == [
            (11,), (12,), (13,), (14,), (15,)
        ]  # fmt: skip
        assert counters.away
        # The minute begins anew in each gateway, and is a limit there.
        fresh = [await counters.take([minute], NOW + 2) for _ in range(11)]
        assert [isinstance(result, Taken) for result in fresh] == [True] * 10 + [False]
        away = await counters.take([daily], NOW + 2, SLOTS, "away")
        assert isinstance(away, Taken)
        await counters.settle(first, [Correction(DAILY, "day", 4), Correction(MONEY, "month", 0.5)], NOW + 2)
        server.start()  # empty
        await soon(lambda: not counters.away)
        back = await counters.take([Claim(DAILY, "day", 100, 0), Claim(MONEY, "month", 9, 0)], NOW + 3)
        assert isinstance(back, Taken)
        assert (back.used, back.place, counters.outages) == ((10 + 5 + 1 + 4, 0.5), 0, 1)
        # What was taken here and is settled there: given back once, where it was handed over, and not of the minute,
        # which was not. The slot is free.
        await counters.take([minute._replace(amount=4)], NOW + 4)
        await counters.settle(away, [Correction(DAILY, "day", -1), Correction(MINUTE, 60, -2)], NOW + 4)
        last = await counters.take([Claim(DAILY, "day", 100, 0), minute._replace(amount=0)], NOW + 4)
        assert isinstance(last, Taken)
        assert last.used == (19, 4)
        await counters.close()

    with caplog.at_level(logging.INFO, "stillhouse.guard.counters"):
        run(go())
    assert [record.getMessage().partition(" are ")[2][:4] for record in caplog.records] == ["away", "back"]


def test_a_frozen_server_is_waited_for_once_and_shortly(make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def go() -> None:
        counters = await connected(server.url, 0.2)
        claim = Claim(DAILY, "day", 1000, 1)
        await soon(lambda: not counters.away)
        await counters.take([claim], NOW)
        server.freeze()
        try:
            before = time.monotonic()
            await asyncio.gather(*(counters.take([claim], NOW) for _ in range(100)))
            assert 0.18 < time.monotonic() - before < 5.0
            before = time.monotonic()
            for _ in range(100):
                await counters.take([claim], NOW)
            assert time.monotonic() - before < 2.0  # and not 100 times as long
            assert counters.outages == 1
        finally:
            server.thaw()
        await soon(lambda: not counters.away)
        back = await counters.take([Claim(DAILY, "day", 1000, 0)], NOW)
        assert isinstance(back, Taken)
        # At least what was asked; those whose reply was lost may count twice.
        assert 201 <= back.used[0] <= 301
        await counters.close()

    run(go())


def test_a_busy_loop_is_not_a_slow_server(valkey_url: str) -> None:
    async def go() -> None:
        counters = await connected(valkey_url, 0.2)

        async def busy(turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            time.sleep(0.25)

        for turns in (0, 1):  # before the command is sent, and before its reply is read
            await asyncio.gather(counters.take([Claim(DAILY, "day", 1000, 1)], NOW), busy(turns))
        assert counters.outages == 0
        await counters.close()

    for run_in in (asyncio.run, uvloop.run):
        run_in(go())


def test_a_server_that_is_away_at_the_start_is_found_later(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.kill()

    async def go() -> None:
        counters = await connected(server.url)
        assert counters.away
        assert isinstance(await counters.take([Claim(DAILY, "day", 100, 3)], NOW), Taken)
        server.start()
        await soon(lambda: not counters.away)
        back = await counters.take([Claim(DAILY, "day", 100, 0)], NOW)
        assert isinstance(back, Taken)
        assert back.used == (3,)
        await counters.close()

    run(go())


def test_closing_while_it_tries_to_get_back_leaves_no_connection(make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def go() -> None:
        counters = await connected(server.url, 0.2)
        server.freeze()  # it still accepts connections
        await counters.take([Claim(DAILY, "day", 100, 3)], NOW)
        await asyncio.sleep(0.12)  # the first pause is 0.05 s, so it waits for a reply now
        assert counters.away and len(asyncio.all_tasks()) == 2
        await counters.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    try:
        run(go())
        gc.collect()  # a connection left open would warn here
    finally:
        server.thaw()


def test_a_server_that_forgot_the_scripts_is_told_them(valkey_url: str, make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def go() -> None:
        counters = await connected(server.url)
        with server.client() as client:
            client.script_flush()
        taken = await counters.take([Claim(DAILY, "day", 100, 3)], NOW)
        assert isinstance(taken, Taken)
        with server.client() as client:
            client.script_flush()
        await counters.settle(taken, [Correction(DAILY, "day", -1)], NOW)
        assert counters.outages == 0
        await counters.close()

    run(go())


def test_one_organisation_lies_in_one_slot_of_a_cluster(make_server: Callable[..., Server]) -> None:
    server = make_server("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        end = time.monotonic() + 20
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True):
            assert time.monotonic() < end
            time.sleep(0.05)

    async def go() -> None:
        counters = await connected(server.url)
        claims = [
            Claim(MINUTE, 60, 50, 1),
            Claim(DAILY, "day", 50, 1),
            Claim("{acme}account:a:tokens_per_day", "day", 9, 2),
        ]
        taken = await counters.take(claims, NOW, SLOTS, "a")
        assert isinstance(taken, Taken)
        await counters.settle(taken, [Correction(MINUTE, 60, -1), Correction(MONEY, "month", 0.5)], NOW)
        assert counters.outages == 0
        await counters.close()

    run(go())


def test_a_password_is_used_and_never_shown(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()
    with server.client() as client:
        client.config_set("requirepass", "s3cr:et/pässword")

    async def go(url: str) -> tuple[bool, int]:
        counters = await connected(url)
        await counters.take([Claim(DAILY, "day", 100, 3)], NOW)
        state = counters.away, counters.outages
        await counters.close()
        return state

    good = f"redis://default:s3cr%3Aet%2Fp%C3%A4ssword@127.0.0.1:{server.port}/3"
    assert run(go(good)) == (False, 0)
    assert run(go(good.replace("p%C3", "q%C3"))) == (True, 1)
    assert "WRONGPASS" in caplog.text
    assert "s3cr" not in caplog.text


def test_a_waiter_that_gives_up_harms_nobody(valkey_url: str) -> None:
    async def go() -> None:
        counters = await connected(valkey_url)
        claim = Claim(DAILY, "day", 1000, 1)
        tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(counters.take([claim], NOW)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in done] == [True, False] * 10
        assert [result.used[0] for result in done[1::2]] == list(range(2, 21, 2))
        await counters.close()

    run(go())
