"""Many people behind one thing: a company's gateway, a product's key, a relay's accounts, one popular tool.

Each of them is still himself. What they share is what linking finds: one address, one key, one system text, one
template.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stillhouse.range.cast import Account, Actor, Ask, Script
from stillhouse.range.identity.clients import Software, client_of, sampling
from stillhouse.range.identity.network import office, place_at
from stillhouse.range.identity.registration import own_domain
from stillhouse.range.lookalikes.machine import Organisation, labelled, machine_client, organisation
from stillhouse.range.lookalikes.settings import GatewaySettings, HarnessSettings, ProductSettings, RelaySettings
from stillhouse.range.merge import merged
from stillhouse.range.people.person import Person, draw_person
from stillhouse.range.people.talking import talk
from stillhouse.range.seeds import seed_of
from stillhouse.range.wire import said
from stillhouse.range.world import Decks, World

__all__ = ["event_as", "gateways", "harness_people", "popular_tool", "products", "relayed", "relays", "user_of"]

_GATEWAY_SYSTEM = (
    "You are the assistant of our company. Follow the code of conduct. Do not give legal or medical advice. Do not "
    "invent numbers of customers or contracts. Answer in the language of the question, in at most 300 words unless "
    "more is asked for."
)
_TOOL_SYSTEM = (
    "You are Forge, an open-source assistant that runs on the user's computer. You can see what the user pastes and "
    "nothing else. Work with the user on one thing at a time. Before you write anything long, say in one sentence "
    "what you are going to do. When you write code, write all of it, with the imports, and no placeholders. When "
    "you explain, give an example first and the rule after it. When you do not know, say so and suggest how to find "
    "out. Never claim to have run anything. Keep the user's language and tone. Format with Markdown: headings only "
    "above 40 lines, code in fenced blocks with the language named, tables for comparisons of three or more things. "
    "At the end of an answer offer at most one next step. Do not repeat the question. Do not apologise more than "
    "once. If the user gives a file name, use it; if there are several files, separate them by their names."
)
_PRODUCTS = (
    'A visitor of our shop asks:\n"{text}"\nAnswer as the shop\'s assistant in at most three sentences.',
    "Rewrite the note below so that it is friendly and clear. Return the new text only.\n---\n{text}\n---",
    "Task of our study app: explain this to the learner at level B1 and end with one question.\n\nLearner: {text}",
)


def gateways(world: World, decks: Decks, settings: GatewaySettings) -> Iterator[Actor]:
    """Companies with one key and one address, and the employees behind it."""
    for number in range(settings.companies):
        who = organisation(world, "gateway", number, system=_GATEWAY_SYSTEM)
        line = office(who.country, who.name)
        people = [
            draw_person(
                world, decks, "gateway", number, employee, median_rate=settings.sessions_per_day, country=who.country,
                line=line, software=who.software, weekend=0.05, arriving=0.0,
            )
            for employee in range(settings.people)
        ]  # fmt: skip
        client = client_of(who.software, place_at(line, 0))
        play = partial(relayed, world, people, who.accounts, client, _GATEWAY_SYSTEM, sticky=True)
        yield Actor(labelled(who.accounts, "gateway", f"gateway/{number}"), play)


def relays(world: World, decks: Decks, settings: RelaySettings) -> Iterator[Actor]:
    """Operators of account pools who sell access: several hundred real people behind each."""
    for number in range(settings.operators):
        who = organisation(world, "relay", number, accounts=settings.accounts, plan="pro")
        people = [
            draw_person(world, decks, "relay", number, user, median_rate=settings.sessions_per_day, arriving=0.0)
            for user in range(settings.people)
        ]
        sticky = settings.routing == "sticky" or (settings.routing == "mixed" and number % 2 == 0)
        accounts = [_hidden(account) for account in who.accounts]
        play = partial(relayed, world, people, accounts, machine_client(who), "", sticky=sticky)
        yield Actor(labelled(accounts, "relay", f"relay/{number}"), play)


def _hidden(account: Account) -> Account:
    """The operator does not say that the accounts are one customer's; the payment does."""
    registration = {**account.registration, "email_domain": own_domain(account.id)}
    return replace(account, registration=registration, organisation=None)


def harness_people(world: World, decks: Decks, settings: HarnessSettings) -> Iterator[Actor]:
    """People with accounts of their own who use one popular program: one user agent, one long system text."""
    software = popular_tool("1.9.0")
    for number in range(settings.people):
        person = draw_person(world, decks, "harness", number, median_rate=settings.sessions_per_day, software=software)
        yield Actor(labelled((person.account,), "harness_user", "harness"), partial(talk, world, person))


def popular_tool(version: str) -> Software:
    """The popular open-source program, as everybody runs it who has not changed its settings."""
    asked = sampling("chat.completions", temperature=0.3, limit=4096, stream=True)
    return Software(f"forge/{version} openai-python/2.9.0", "forge", "chat.completions", asked, _TOOL_SYSTEM)


def products(world: World, decks: Decks, settings: ProductSettings) -> Iterator[Actor]:
    """Products built on the API: one template, thousands of users, one account or several."""
    for number in range(settings.products):
        rng = world.draws("product", number)
        who = organisation(world, "product", number, accounts=settings.accounts)
        template = rng.choice(_PRODUCTS)
        people = [
            draw_person(world, decks, "product", number, user, median_rate=settings.sessions_per_day)
            for user in range(settings.users)
        ]
        play = partial(_product, world, people, who, template)
        yield Actor(labelled(who.accounts, "product", f"product/{number}"), play)


def _product(world: World, people: Sequence[Person], who: Organisation, template: str) -> Script:
    """Each turn of a user becomes a request of its own, in the product's words."""
    client, asked = machine_client(who), sampling(who.accounts[0].api, temperature=0.4, limit=400)
    lead = template.partition("{")[0]
    for event in merged(talk(world, person) for person in people):
        if isinstance(event, int):
            yield event
            continue
        account = who.accounts[seed_of(event.account.id) % len(who.accounts)]
        message = said(template.format(text=event.messages[-1]["content"]))
        yield event._replace(
            account=account,
            client=client,
            system="",
            messages=(message,),
            settings=asked,
            lead=lead,
            user=user_of(event),
        )


def relayed(
    world: World,
    people: Sequence[Person],
    accounts: Sequence[Account],
    client: Mapping[str, Any],
    system: str,
    *,
    sticky: bool,
) -> Script:
    """The people's requests as the accounts' own: each person on one account (`sticky`), or each request on any."""
    rng = world.draws("relayed", accounts[0].id)
    for event in merged(talk(world, person) for person in people):
        if isinstance(event, int):
            yield event
            continue
        place = seed_of(event.account.id) if sticky else rng.randrange(len(accounts))
        yield event_as(event, accounts[place % len(accounts)], client, system or event.system)


def user_of(event: Ask) -> str:
    """The name under which the truth knows the person who asks; no account has it."""
    return event.account.id.replace("acct_", "person_")


def event_as(event: Ask, account: Account, client: Mapping[str, Any], system: str) -> Ask:
    """Somebody's request on another's account; settings keep their meaning under the names of that account's API."""
    asked = event.settings
    if account.api != event.account.api:
        limit = next((asked[key] for key in ("max_tokens", "max_output_tokens") if key in asked), None)
        asked = sampling(account.api, temperature=asked.get("temperature"), limit=limit, stream="stream" in asked)
    return event._replace(account=account, client=client, system=system, settings=asked, user=user_of(event))
