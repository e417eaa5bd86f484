"""Classes with one assignment: dozens of new accounts of one school ask nearly the same within hours."""

import math
from collections.abc import Iterator
from functools import partial

from stillhouse.range.answers import answer_to
from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.cast import Actor, Ask, Label, Message, Script
from stillhouse.range.identity.clients import client_of
from stillhouse.range.identity.countries import COUNTRIES, COUNTRY_SUMS
from stillhouse.range.identity.network import office, place_at
from stillhouse.range.identity.registration import own_domain
from stillhouse.range.lookalikes.settings import ClassroomSettings
from stillhouse.range.people.person import Person, draw_person
from stillhouse.range.people.style import written
from stillhouse.range.seeds import pick
from stillhouse.range.wire import answered, said
from stillhouse.range.world import Decks, World

__all__ = ["classrooms"]

_FORMS = (
    "{task}",
    "My homework is: {task}",
    "{task}\n\nGive me an outline first.",
    'The assignment says: "{task}" Where do I start?',
    "can you help me with this task from class? {task}",
    "{task} It should be one page.",
    "We have to do this for tomorrow. {task}",
    "Explain the idea behind this assignment and then help me solve it: {task}",
)
_FOLLOWING = (
    "I don't understand the second part.",
    "Can you make it shorter?",
    "And how would I show that it is right?",
    "That is too difficult, use simpler words.",
    "Is this enough for a good mark?",
    "What did you mean by the last sentence?",
    "Write it as if I had written it.",
    "Give me another example.",
    "My teacher said we must not use that. Another way?",
)


def classrooms(world: World, decks: Decks, settings: ClassroomSettings) -> Iterator[Actor]:
    """Classes, each with a school's address and domain, one assignment, and pupils who write in their own way."""
    texts = [task.instruction for task in world.corpus.instructions] + list(world.corpus.code_tasks)
    for number in range(settings.classes):
        rng = world.draws("class", number)
        country = pick(rng, COUNTRIES, COUNTRY_SUMS)
        full = f"{world.seed}/class/{number}"
        line, domain, task = office(country, full), own_domain(full), rng.choice(texts)
        day = rng.randrange(world.days)
        lesson = world.begin + day * DAY + int((rng.randint(8, 15) - country.utc_hours) % 24 * HOUR)
        for pupil in range(settings.pupils):
            person = draw_person(
                world, decks, "class", number, pupil, median_rate=0.1, country=country, line=line, domain=domain,
                plan="free", arriving=0.0,
            )  # fmt: skip
            play = partial(_homework, world, person, task, lesson, settings.hours)
            yield Actor((Label(person.account.id, "honest", "classroom", None, f"class/{number}"),), play)


def _homework(world: World, person: Person, task: str, lesson: int, hours: float) -> Script:
    rng = world.draws(person.name, "homework")
    now = lesson + int(min(rng.expovariate(3 / hours), hours) * HOUR)
    yield now
    client = client_of(person.software, place_at(person.lines[0], 0))
    asked = [rng.choice(_FORMS).format(task=task), *rng.sample(_FOLLOWING, rng.randint(0, 4))]
    messages: list[Message] = []
    for number, text in enumerate(asked):
        if now >= world.end:
            return
        messages.append(said(written(person.style, text, rng, opening=number == 0)))
        answer = answered(answer_to(f"{task} {text}", rng))
        yield Ask(now, person.account, client, person.software.system, messages[:], answer, person.software.settings)
        messages.append(answer.message)
        now += 3000 + int(math.exp(rng.gauss(10.8, 0.8)))
