"""Classes: one school, one assignment, many hands, a few hours."""

from stillhouse.range.arrivals import HOUR
from stillhouse.range.lookalikes.classroom import classrooms
from stillhouse.range.lookalikes.settings import ClassroomSettings
from stillhouse.range.world import Decks, World
from tests.range.small import asks_of


def test_a_class_shares_school_and_assignment_and_not_words(world: World) -> None:
    settings = ClassroomSettings(classes=1, pupils=80, hours=4)
    pupils = list(classrooms(world, Decks(world, "people"), settings))
    asks = asks_of(pupils)
    accounts = {ask.account.id: ask for ask in asks}
    assert len(pupils) == len(accounts) == 80
    assert {label.kind for pupil in pupils for label in pupil.labels} == {"classroom"}
    assert len({pupil.labels[0].group for pupil in pupils}) == 1
    assert len({ask.account.registration["email_domain"] for ask in asks}) == 1
    assert len({ask.client["ip"] for ask in asks}) == 1
    openings = [str(ask.messages[0]["content"]) for ask in asks if len(ask.messages) == 1]
    tasks = [task.instruction for task in world.corpus.instructions] + list(world.corpus.code_tasks)
    plain = [text.lower() for text in openings]
    (task,) = [one for one in tasks if sum(one.lower().rstrip(".?!") in text for text in plain) > 40]
    assert len(set(openings)) > 30, task
    assert max(ask.time for ask in asks) - min(ask.time for ask in asks) < 5 * HOUR
    assert any(len(ask.messages) >= 5 for ask in asks)


def test_classes_differ(world: World) -> None:
    pupils = list(classrooms(world, Decks(world, "people"), ClassroomSettings(classes=3, pupils=5)))
    assert len({pupil.labels[0].group for pupil in pupils}) == 3
    assert len({ask.client["ip"] for ask in asks_of(pupils)}) == 3
