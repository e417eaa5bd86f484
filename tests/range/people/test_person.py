"""A person: made from his name, and lasting."""

from collections import Counter

from stillhouse.range.people.person import Person, draw_person
from stillhouse.range.seeds import cumulative
from stillhouse.range.world import ANYTHING, Decks, World, conversation_at


def people(world: World, count: int = 400, **given: object) -> list[Person]:
    decks = Decks(world, "people")
    return [draw_person(world, decks, "person", number, median_rate=0.5, **given) for number in range(count)]  # type: ignore[arg-type]


def test_the_same_name_is_the_same_person(world: World) -> None:
    assert people(world, 20) == people(world, 20)
    assert len({person.account.id for person in people(world)}) == 400


def test_a_person_has_a_few_topics_and_one_above_all(world: World) -> None:
    for person in people(world):
        own = [subject.topic for subject in person.subjects if subject.topic != ANYTHING]
        assert 1 <= len(own) <= 4
        assert person.sums[-1] == cumulative([1.0])[-1] or abs(person.sums[-1] - 1) < 1e-9
        assert person.sums[0] >= 0.69 * (1 - 1.4 * world.wander)
    assert len({person.subjects[0].topic for person in people(world)}) == len(world.corpus.topics)


def test_most_people_are_at_home_and_some_share_an_office(world: World) -> None:
    kinds = Counter(person.lines[0].kind for person in people(world, 1500))
    assert kinds["home"] > 0.55 * 1500 and kinds["mobile"] > 100 and kinds["fixed"] > 250
    offices = Counter(person.lines[0] for person in people(world, 1500) if person.lines[0].kind == "fixed")
    assert offices.most_common(1)[0][1] > 5 and len(offices) > 50


def test_some_register_while_they_are_watched(world: World) -> None:
    late = [person for person in people(world, 1500) if person.arrives]
    assert 100 < len(late) < 270 and all(world.begin <= person.arrives < world.end for person in late)
    assert not any(person.arrives for person in people(world, 200, arriving=0.0))


def test_people_are_dealt_different_conversations_while_there_are_any(world: World) -> None:
    decks, dealt = Decks(world, "people"), Counter[str]()
    for _ in range(40):
        place = decks.deal(0, 3)
        dealt.update(conversation_at(world, 0, place + number)[0].id for number in range(3))
    size = len(world.corpus.topics.members[0])
    assert max(dealt.values()) - min(dealt.values()) <= 1 and len(dealt) == min(size, 120)


def test_a_second_round_is_known_as_such(world: World) -> None:
    size = len(world.corpus.topics.members[0])
    assert conversation_at(world, 0, 3)[1] == 0 and conversation_at(world, 0, 3 + 2 * size)[1] == 2
    assert conversation_at(world, 0, 3)[0] == conversation_at(world, 0, 3 + 2 * size)[0]
