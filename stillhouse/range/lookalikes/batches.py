"""Batch jobs with one template: an index is filled, texts are translated, data is made, a timer wants a digest.

Hundreds and thousands of requests in one wording from one organisation: what template mining finds first.
"""

from collections.abc import Iterator
from functools import partial

from stillhouse.range.answers import answer_to
from stillhouse.range.arrivals import DAY, HOUR, flat, office_hours, on_timer
from stillhouse.range.cast import Actor, Ask, Script
from stillhouse.range.identity.clients import sampling
from stillhouse.range.lookalikes.machine import Organisation, labelled, machine_client, organisation
from stillhouse.range.lookalikes.settings import BackfillSettings, DataShopSettings, TimerSettings, TranslatorSettings
from stillhouse.range.wire import answered, said
from stillhouse.range.world import World

__all__ = ["backfills", "data_shops", "timers", "translators"]

_INDEXING = (
    "You get one passage of our handbook. Return JSON with `title`, `keywords` (at most eight) and `questions` (three "
    "questions that the passage answers). Return nothing else.\n\nDocument {number}, passage {part}:\n{text}",
    "Summarise the following passage in two sentences for a search index. Keep names and numbers.\n\n"
    '<passage id="{number}-{part}">\n{text}\n</passage>',
    "Decide which of these labels fit the text: procedure, reference, policy, example. Then give a one-line summary."
    "\n\nText {number}.{part}: {text}",
)
_TRANSLATING = (
    "Translate the following text from {a} to {b}. Keep formatting, numbers and product names as they are. "
    "Return the translation only.\n\n{text}"
)
_LANGUAGES = (
    "English", "German", "French", "Spanish", "Italian", "Polish", "Dutch", "Portuguese", "Japanese", "Czech",
)  # fmt: skip
_MAKING = (
    "Here is an example of a question that a customer of ours might ask:\n\n{text}\n\nWrite {count} more questions of "
    "the same kind, one a line, about {subject}. They are used to test our own assistant."
)
_SUBJECTS = (
    "billing", "delivery", "returns", "opening hours", "accounts", "repairs", "warranty", "gift cards", "bookings",
)  # fmt: skip
_DIGESTS = (
    "Summarise what came in during the last {minutes} minutes in one line a message, most urgent first.\n\n{text}",
    "Classify the log lines below as normal, odd or urgent and name the odd ones.\n\n{text}",
)


def backfills(world: World, settings: BackfillSettings) -> Iterator[Actor]:
    """One account a job, a flat stream of passages from some moment until it is done."""
    for job in range(settings.jobs):
        who = organisation(world, "backfill", job)
        play = partial(_backfill, world, job, who, settings)
        yield Actor(labelled(who.accounts, "rag_backfill", f"backfill/{job}"), play)


def _backfill(world: World, job: int, who: Organisation, settings: BackfillSettings) -> Script:
    rng = world.draws("backfill", job)
    template, texts = rng.choice(_INDEXING), world.corpus.documents
    span = int(settings.hours * HOUR)
    start = world.begin + rng.randrange(max(1, world.days * DAY - span))
    yield start
    client, first = machine_client(who), rng.randrange(len(texts))
    asked = sampling(who.accounts[0].api, temperature=0.0, limit=300)
    times = flat(rng, start, span / 1000 / settings.requests, world.corpus.gaps.get("code", ()))
    for number, now in zip(range(settings.requests), times, strict=False):
        if now >= world.end:
            return
        text = texts[(first + number) % len(texts)]
        message = said(template.format(number=1000 + number // 7, part=number % 7 + 1, text=text))
        answer = answered(f"{text.split('.')[0][:150]}.")
        yield Ask(now, who.accounts[0], client, "", (message,), answer, asked, template.partition("{")[0])


def translators(world: World, settings: TranslatorSettings) -> Iterator[Actor]:
    """Organisations with one to twenty accounts that share one template, in working hours."""
    for shop in range(settings.shops):
        who = organisation(world, "translator", shop, accounts=settings.accounts)
        play = partial(_translate, world, shop, who, settings.requests_per_day)
        yield Actor(labelled(who.accounts, "translator", f"translator/{shop}"), play)


def _translate(world: World, shop: int, who: Organisation, per_day: float) -> Script:
    rng = world.draws("translator", shop)
    client, texts = machine_client(who), world.corpus.documents
    asked = sampling(who.accounts[0].api, temperature=0.0)
    pairs = [rng.sample(_LANGUAGES, 2) for _ in range(4)]
    for now in office_hours(rng, world.begin, world.end, who.country.utc_hours, per_day):
        a, b = rng.choice(pairs)
        text = rng.choice(texts)
        start = rng.randrange(max(1, len(text) // 2))
        message = said(_TRANSLATING.format(a=a, b=b, text=text[start : start + rng.randint(200, 900)]))
        yield Ask(now, rng.choice(who.accounts), client, "", (message,), answered(text[start : start + 240]), asked)


def data_shops(world: World, settings: DataShopSettings) -> Iterator[Actor]:
    """Companies that let the model write test data for a use of their own that its terms permit."""
    for shop in range(settings.shops):
        who = organisation(world, "data shop", shop)
        play = partial(_make_data, world, shop, who, settings.requests)
        yield Actor(labelled(who.accounts, "data_shop", f"data_shop/{shop}"), play)


def _make_data(world: World, shop: int, who: Organisation, requests: int) -> Script:
    rng = world.draws("data shop", shop)
    start = world.begin + rng.randrange(world.days * DAY)
    yield start
    client, talks = machine_client(who), world.corpus.conversations
    asked = sampling(who.accounts[0].api, temperature=1.0, limit=1024)
    for _, now in zip(range(requests), flat(rng, start, 4.0), strict=False):
        if now >= world.end:
            return
        subject, example = rng.choice(_SUBJECTS), rng.choice(talks).turns[0][0]
        text = _MAKING.format(text=example, count=rng.choice((5, 10, 20)), subject=subject)
        answer = answered(f"1. I have a question about {subject}.\n2. {answer_to(example, rng)}")
        yield Ask(now, who.accounts[0], client, "", (said(text),), answer, asked)


def timers(world: World, settings: TimerSettings) -> Iterator[Actor]:
    """Organisations whose server asks for a digest every so many minutes, day and night."""
    for job in range(settings.jobs):
        who = organisation(world, "timer", job)
        play = partial(_digests, world, job, who, settings.minutes)
        yield Actor(labelled(who.accounts, "timer", f"timer/{job}"), play)


def _digests(world: World, job: int, who: Organisation, minutes: int) -> Script:
    rng = world.draws("timer", job)
    client, talks, template = machine_client(who), world.corpus.conversations, rng.choice(_DIGESTS)
    asked = sampling(who.accounts[0].api, temperature=0.0, limit=256)
    for now in on_timer(rng, world.begin, world.end, minutes):
        lines = "\n".join(f"- {rng.choice(talks).turns[0][0][:120]}" for _ in range(rng.randint(2, 8)))
        message = said(template.format(minutes=minutes, text=lines))
        yield Ask(now, who.accounts[0], client, "", (message,), answered(answer_to(lines, rng)), asked)
