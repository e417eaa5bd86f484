"""The honest population: who is in it, and how it grows."""

from collections import Counter
from dataclasses import replace

import pytest

from stillhouse.range.corpus import Conversation, Corpus
from stillhouse.range.population import PopulationSettings, population, scaled
from stillhouse.range.world import World
from tests.range.small import asks_of, world_on

NOBODY = {
    "persons": 0,
    "nightly_evaluations": {"labs": 0},
    "ci_agents": {"organisations": 0},
    "rag_backfill": {"jobs": 0},
    "gateway": {"companies": 0},
    "classroom": {"classes": 0},
    "harness": {"people": 0},
    "translator": {"shops": 0},
    "release_day": {"accounts": 0},
    "relay": {"operators": 0},
    "product": {"products": 0},
    "data_shop": {"shops": 0},
    "timer": {"jobs": 0},
}


def test_everybody_is_honest_and_of_one_actor(world: World) -> None:
    settings = PopulationSettings.model_validate({"scale": 0.02})
    labels = [label for actor in population(world, settings) for label in actor.labels]
    assert all(label.role == "honest" and label.campaign is None for label in labels)
    assert len({label.account for label in labels}) == len(labels)
    kinds = Counter(label.kind for label in labels)
    assert kinds["person"] == 60 and kinds["harness_user"] == 20
    assert set(kinds) == {
        "person", "nightly_evaluation", "ci_agent", "rag_backfill", "gateway", "classroom", "harness_user",
        "translator", "release_day", "relay", "product", "data_shop", "timer",
    }  # fmt: skip


def test_zero_of_a_kind_leaves_it_out(world: World) -> None:
    assert list(population(world, PopulationSettings.model_validate(NOBODY))) == []


def test_scale_multiplies_what_there_is_and_shrinks_what_is_one() -> None:
    more = scaled(PopulationSettings(scale=3.0))
    assert (more.persons, more.gateway.companies, more.gateway.people, more.timer.jobs) == (9000, 3, 2000, 9)
    less = scaled(PopulationSettings(scale=0.1))
    assert (less.persons, less.gateway.companies, less.gateway.people) == (300, 1, 200)
    assert less.ci_agents.organisations == 1 and less.ci_agents.pushes_per_day == pytest.approx(12 * 0.3)
    assert scaled(PopulationSettings.model_validate({**NOBODY, "scale": 5.0})).relay.operators == 0


def test_people_whom_the_corpus_names_ask_what_they_really_asked(corpus: Corpus) -> None:
    said = ["How deep is the lake?", "And the river?", "Who measured it?"]
    named = tuple(Conversation(f"own-{n}", ((text, "Ask a ranger."),), "user_9") for n, text in enumerate(said))
    once = Conversation("once", (("Only once.", ""),), "user_10")
    world = world_on(replace(corpus, conversations=(*corpus.conversations, *named, once)), days=60)
    settings = PopulationSettings.model_validate({**NOBODY, "persons": 20})
    first, second, *_ = population(world, settings)
    assert [ask.messages[0]["content"] for ask in asks_of([first])][:3] == said
    # One conversation does not make a user whom one knows.
    assert asks_of([second])[0].messages[0]["content"] != "Only once."
    settings = settings.model_copy(update={"named_users": False})
    first, *_ = population(world, settings)
    assert [ask.messages[0]["content"] for ask in asks_of([first])][:3] != said
