"""What a person asks: sessions of conversations whose requests carry what was said before."""

from dataclasses import replace
from itertools import groupby, pairwise

from stillhouse.range.cast import Ask
from stillhouse.range.corpus import Conversation
from stillhouse.range.people.person import Person, draw_person
from stillhouse.range.people.talking import opening_texts, talk
from stillhouse.range.world import Decks, World


def somebody(world: World, number: int = 0, rate: float = 4.0) -> Person:
    person = draw_person(world, Decks(world, "people"), "person", number, median_rate=0.5, arriving=0.0)
    return person._replace(rhythm=person.rhythm._replace(rate=rate, weekend=1.0))


def asked(world: World, person: Person) -> list[Ask]:
    return [event for event in talk(world, person) if isinstance(event, Ask)]


def test_a_request_carries_the_earlier_turns_with_their_answers(world: World) -> None:
    asks = asked(world, somebody(world))
    assert len(asks) > 30
    later = [(one, two) for one, two in pairwise(asks) if len(two.messages) > 1]
    assert len(later) > 10
    for one, two in later:
        if len(two.messages) > len(one.messages):
            assert list(two.messages[:-1]) == [*one.messages, one.answer.message]
        else:
            assert two.messages == one.messages  # asked for another answer
    for ask in asks:
        assert [message["role"] for message in ask.messages][::2] == ["user"] * (len(ask.messages) // 2 + 1)


def test_times_never_go_back_and_words_about_them_come_first(world: World) -> None:
    events = list(talk(world, somebody(world, 3)))
    times = [event if isinstance(event, int) else event.time for event in events]
    assert times == sorted(times) and isinstance(events[0], int)
    assert world.begin <= times[0] and times[-1] < world.end


def test_one_session_comes_from_one_address_and_a_person_from_few(world: World) -> None:
    person = somebody(world, 1)
    events = list(talk(world, person))
    sessions = [list(group) for is_time, group in groupby(events, lambda event: isinstance(event, int)) if not is_time]
    assert all(len({ask.client["ip"] for ask in session if isinstance(ask, Ask)}) == 1 for session in sessions)
    assert len({ask.client["user_agent"] for ask in asked(world, person)}) == 1


def test_own_conversations_come_first_and_as_they_are(world: World) -> None:
    own = [Conversation("x", (("First WORDS here?", "Yes."),)), Conversation("y", (("Second.", "No."),))]
    person = somebody(world)._replace(own=own)
    eager = person._replace(style=person.style._replace(lower=True, greets=1.0))
    assert list(opening_texts(world, eager, 2)) == ["First WORDS here?", "Second."]
    assert next(ask for ask in asked(world, eager)).messages[0]["content"] == "First WORDS here?"


def test_he_who_registers_late_is_not_there_before(world: World) -> None:
    late = somebody(world)._replace(arrives=world.begin + 3 * 86_400_000 + 1234)
    assert min(ask.time for ask in asked(world, late)) >= late.arrives


def test_a_refused_request_is_sent_again(world: World) -> None:
    asks = [ask for number in range(40) for ask in asked(world, somebody(world, number))]
    refused = [place for place, ask in enumerate(asks) if ask.status >= 400]
    assert 0 < len(refused) < 0.02 * len(asks)
    for place in refused:
        again = asks[place + 1]
        assert again.messages == asks[place].messages and again.status == 200


def test_text_that_others_had_before_comes_in_another_wording(world: World) -> None:
    person = somebody(world)
    plain = person._replace(
        style=person.style._replace(
            terse=False, lower=False, bare_end=False, short_words=False, greets=0, thanking=0, wishes=0, names_project=0
        )
    )
    said = {talk.turns[0][0] for talk in world.corpus.conversations}
    topic = plain.subjects[0].topic
    size = len(world.corpus.topics.members[topic])
    only = replace(world, wander=0.0)
    first = plain._replace(subjects=(plain.subjects[0]._replace(place=0),), sums=(1.0,))
    second = first._replace(subjects=(first.subjects[0]._replace(place=size),))
    assert set(opening_texts(only, first, size)) <= said
    assert not set(opening_texts(only, second, size)) & said
