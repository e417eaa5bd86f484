"""People are composed as persistent as asked for, and the figure holds in the log itself."""

import pytest

from stillhouse.range.corpus import Corpus
from stillhouse.range.people.concentration import concentrated
from stillhouse.range.people.sample import Openings
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import labels, stream
from tests.range.small import world_on


@pytest.mark.parametrize("target", [0.08, 0.12])
def test_the_share_outside_the_topics_is_found_for_the_corpus(corpus: Corpus, target: float) -> None:
    world = concentrated(world_on(corpus, wander=0.9), target)
    assert 0.1 < world.wander < 1.0
    stricter = concentrated(world, target / 1.5)
    assert stricter.wander > world.wander


def test_topics_that_are_too_loose_are_never_left(corpus: Corpus) -> None:
    assert concentrated(world_on(corpus), 0.95).wander == 0.0


def test_people_of_the_packaged_text_are_as_persistent_as_real_ones(packaged: Corpus) -> None:
    """Chatbot Arena users: .124 (one prompt a day); honest people in the guard's pilot: .07 to .14."""
    scenario = Scenario.model_validate({"seed": 11, "days": 12, "population": {"scale": 0.1}})
    openings = Openings(label.account for label in labels(scenario, packaged) if label.kind == "person")
    for exchange in stream(scenario, packaged):
        openings.see(exchange)
    found = openings.persistence()
    assert found is not None and found.people > 200
    assert 0.07 < found.difference < 0.14
