"""Batch jobs: one template each, at the pace that its kind has."""

from itertools import pairwise

import pytest

from stillhouse.range.arrivals import DAY, HOUR, weekday
from stillhouse.range.lookalikes.batches import backfills, data_shops, timers, translators
from stillhouse.range.lookalikes.settings import BackfillSettings, DataShopSettings, TimerSettings, TranslatorSettings
from stillhouse.range.world import World
from tests.range.small import asks_of


def test_a_backfill_is_one_account_with_one_template_flat_for_hours(world: World) -> None:
    for actor in backfills(world, BackfillSettings(jobs=4, requests=600, hours=10)):
        asks = asks_of([actor])
        assert len(actor.labels) == 1 and {ask.account.id for ask in asks} == {actor.labels[0].account}
        assert len(asks) == 600 and len({ask.lead for ask in asks}) == 1 and asks[0].lead
        texts = [str(ask.messages[0]["content"]) for ask in asks]
        assert all(text.startswith(asks[0].lead) for text in texts) and len(set(texts)) == len(texts)
        assert any(document in texts[0] for document in world.corpus.documents)
        span = asks[-1].time - asks[0].time
        assert span == pytest.approx(10 * HOUR, rel=0.2)
        halves = sum(ask.time < asks[0].time + span / 2 for ask in asks)
        assert 0.42 < halves / 600 < 0.58


def test_translators_are_accounts_of_one_organisation_with_one_template(world: World) -> None:
    (actor,) = translators(world, TranslatorSettings(shops=1, accounts=9, requests_per_day=90))
    asks = asks_of([actor])
    assert len(actor.labels) == 9 and len({ask.account.id for ask in asks}) == 9
    accounts = [ask.account for ask in asks]
    shared = {(one.organisation, one.registration["email_domain"], one.registration["payment"]) for one in accounts}
    assert len(shared) == 1
    assert all(str(ask.messages[0]["content"]).startswith("Translate the following text from ") for ask in asks)
    assert len({weekday(ask.time // DAY * DAY) for ask in asks}) <= 6


def test_a_data_shop_writes_test_data_from_examples(world: World) -> None:
    (actor,) = data_shops(world, DataShopSettings(shops=1, requests=50))
    asks = asks_of([actor])
    assert 0 < len(asks) <= 50 and actor.labels[0].role == "honest"
    assert all("test our own assistant" in str(ask.messages[0]["content"]) for ask in asks)


def test_a_timer_asks_day_and_night(world: World) -> None:
    (actor,) = timers(world, TimerSettings(jobs=1, minutes=60))
    times = [ask.time for ask in asks_of([actor])]
    assert len(times) == 7 * 24
    assert all(abs(after - before - HOUR) < 6000 for before, after in pairwise(times))
