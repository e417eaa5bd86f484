"""Many people behind one thing, who stay themselves behind it."""

from collections import Counter

import pytest

from stillhouse.range.lookalikes.crowds import event_as, gateways, harness_people, popular_tool, products, relays
from stillhouse.range.lookalikes.settings import GatewaySettings, HarnessSettings, ProductSettings, RelaySettings
from stillhouse.range.people.persistence import persistence
from stillhouse.range.world import Decks, World
from tests.range.small import asks_of


@pytest.fixture
def decks(world: World) -> Decks:
    return Decks(world, "people")


def test_a_gateway_is_one_key_and_one_address_for_all(world: World, decks: Decks) -> None:
    (actor,) = gateways(world, decks, GatewaySettings(companies=1, people=300, sessions_per_day=0.3))
    asks = asks_of([actor])
    assert len(actor.labels) == 1 and len({ask.client["ip"] for ask in asks}) == 1
    assert len({ask.account.key for ask in asks}) == 1 and len({ask.system for ask in asks}) == 1
    assert len({ask.user for ask in asks}) > 150
    assert [ask.time for ask in asks] == sorted(ask.time for ask in asks)


@pytest.mark.parametrize("routing", ["sticky", "request"])
def test_a_relay_carries_people_who_stay_themselves(world: World, decks: Decks, routing: str) -> None:
    settings = RelaySettings.model_validate({"operators": 1, "accounts": 10, "people": 120, "routing": routing})
    (actor,) = relays(world, decks, settings)
    asks = asks_of([actor])
    accounts: dict[str | None, set[str]] = {}
    texts: dict[str, list[str]] = {}
    for ask in asks:
        assert ask.user is not None and ask.campaign is None
        accounts.setdefault(ask.user, set()).add(ask.account.id)
        if len(ask.messages) == 1:
            texts.setdefault(ask.user, []).append(str(ask.messages[0]["content"]))
    assert len(actor.labels) == 10 and len(accounts) > 60
    many = [len(used) for user, used in accounts.items() if len(texts.get(user or "", ())) > 5]
    assert max(many) == 1 if routing == "sticky" else min(many) > 1
    # Behind the accounts each person is as much himself as elsewhere.
    assert persistence(texts).difference > 0.05
    assert len({ask.account.registration["payment"] for ask in asks}) == 1
    assert len({ask.account.registration["email_domain"] for ask in asks}) == 10


def test_every_second_operator_routes_by_request_when_mixed(world: World, decks: Decks) -> None:
    spread = []
    for actor in relays(world, decks, RelaySettings(operators=2, accounts=8, people=40, sessions_per_day=2)):
        used: dict[str | None, set[str]] = {}
        for ask in asks_of([actor]):
            used.setdefault(ask.user, set()).add(ask.account.id)
        spread.append(max(map(len, used.values())))
    assert spread[0] == 1 and spread[1] > 4


def test_people_of_one_program_share_its_words_and_nothing_else(world: World, decks: Decks) -> None:
    actors = list(harness_people(world, decks, HarnessSettings(people=150)))
    asks = asks_of(actors)
    assert len({ask.system for ask in asks}) == 1 and len(asks[0].system) > 800
    assert len({ask.client["user_agent"] for ask in asks}) == 1
    assert len({ask.account.id for ask in asks}) > 100 and len({ask.client["ip"] for ask in asks}) > 100
    assert asks[0].client["user_agent"] == popular_tool("1.9.0").user_agent


def test_a_product_puts_each_users_words_into_its_template(world: World, decks: Decks) -> None:
    (actor,) = products(world, decks, ProductSettings(products=1, accounts=3, users=200))
    asks = asks_of([actor])
    assert len(actor.labels) == 3 and {ask.account.id for ask in asks} == {label.account for label in actor.labels}
    assert len({ask.lead for ask in asks}) == 1 and all(len(ask.messages) == 1 for ask in asks)
    assert all(str(ask.messages[0]["content"]).startswith(ask.lead) for ask in asks)
    owners: dict[str | None, set[str]] = {}
    for ask in asks:
        owners.setdefault(ask.user, set()).add(ask.account.id)
    assert len(owners) > 100 and all(len(used) == 1 for used in owners.values())
    assert min(Counter(ask.account.id for ask in asks).values()) > 20


def test_settings_keep_their_meaning_on_an_account_of_another_api(world: World, decks: Decks) -> None:
    (actor,) = relays(world, decks, RelaySettings(operators=1, accounts=2, people=60))
    for ask in asks_of([actor]):
        assert set(ask.settings) <= {"temperature", "top_p", "max_tokens", "stream"}
        assert event_as(ask, ask.account, ask.client, "").settings == ask.settings
