"""What a look at a group sees: parties, sizes, counts and cues, by hand and on simulated groups."""

from collections.abc import Sequence

import numpy as np
import pytest

from stillhouse.guard.detect.account import SAMPLED, Account, Sampled
from stillhouse.guard.evidence.group import LEAST_PARTIES, SIZES, Customers, Look, look, recognisable
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.features.content import content
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.features.words import BUCKETS

IDF = np.full(BUCKETS, 6.0, np.float32)
HOUR = 3_600_000_000
ORGANISATION, PAYMENT, TEMPLATE = token(Kind.ORGANISATION, 1), token(Kind.PAYMENT, 2), token(Kind.WORDING, 3)
NOBODY = Customers({}, {})
NOTHING: frozenset[int] = frozenset()
RATES = (0.01, 0.2, 0.01, 0.01, 0.2)


def person(
    rng: np.random.Generator,
    index: int,
    requests: int = SAMPLED,
    *,
    topic: int | None = None,
    customer: tuple[int, ...] = (),
    wording: tuple[int, ...] = (TEMPLATE,),
    shown: tuple[int, ...] = (0, 0, 0, 0, 0),
) -> Account:
    """Writes about a topic of his own, in one sitting; without a topic about anything, at any time."""
    sample = []
    start = int(rng.integers(0, 1000 * HOUR))
    for number in range(requests):
        about = int(rng.integers(1000)) if topic is None else topic
        own = [f"t{about}w{one}" for one in rng.integers(0, 20, 10)]
        words = content([*own, *(f"w{one}" for one in rng.integers(0, 3000, 10))], IDF)
        at = int(rng.integers(0, 1000 * HOUR)) if topic is None else start + number * HOUR // 60
        sample.append(Sampled(at, words, wording))
    sample.sort(key=lambda one: one.at)
    return Account(index, f"a{index}", index, customer, 0, 0, 2 * requests, requests, shown, sample)


def people(n: int, requests: int = SAMPLED, first: int = 0) -> list[Account]:
    """From the index `first` on."""
    rng = np.random.default_rng(first)
    return [person(rng, index, requests, topic=index) for index in range(first, first + n)]


def seen(members: list[Account], customers: Customers = NOBODY, sizes: Sequence[int] = SIZES) -> Look:
    found = look(members, NOTHING, customers, sizes)
    assert found is not None
    return found


def test_people_stand_out_in_every_view() -> None:
    found = seen(people(30))
    assert (found.size, found.covered, found.is_eligible(RATES)) == (6, 1.0, True)
    for counted in (found.content, found.times, found.either):
        assert counted is not None and counted.accounts == 30 and counted.persistent >= 28


def test_a_queue_stands_out_nowhere() -> None:
    """One in a hundred in each view; of 100 accounts four standard errors allow 5, and 7 of two views."""
    rng = np.random.default_rng(1)
    found = seen([person(rng, index) for index in range(100)])
    assert found.content is not None and found.times is not None and found.either is not None
    assert found.content.persistent <= 5 and found.times.persistent <= 5 and found.either.persistent <= 7
    assert found.either.persistent >= max(found.content.persistent, found.times.persistent)
    assert found.either.accounts == found.content.accounts == found.times.accounts == 100


def test_fewer_than_sixteen_parties_say_nothing() -> None:
    assert LEAST_PARTIES == 16
    assert look(people(15), NOTHING, NOBODY) is None and look([], NOTHING, NOBODY) is None
    assert look([*people(15), *people(40, 1, 100)], NOTHING, NOBODY) is None  # of one request nothing can be compared
    assert seen(people(16)).either is not None
    assert look(people(40, requests=2), NOTHING, NOBODY, (3, 4)) is None


@pytest.mark.parametrize(("short", "long", "size"), [(16, 14, 2), (16, 16, 6), (16, 40, 6), (30, 0, 2)])
def test_the_size_is_the_largest_that_half_have(short: int, long: int, size: int) -> None:
    found = seen([*people(short, 2), *people(long, 6, 100)])
    assert found.size == size and size in SIZES
    assert found.content is not None and found.content.accounts == (long if size == 6 else short + long)


def test_sizes_may_be_said() -> None:
    """Those that the reference knows: the largest that half of the 36 have, of which 16 have more than three."""
    members = [*people(20, 3), *people(16, 6, 100)]
    for sizes, size in (((2,), 2), ((2, 3), 3), ((3, 2, 6), 3), (SIZES, 3)):
        found = seen(members, sizes=sizes)
        assert found.size == size and found.content is not None and found.content.accounts == 36
    assert look(members, NOTHING, NOBODY, (4, 6)) is None and look(members, NOTHING, NOBODY, ()) is None


def test_at_most_a_thousand_requests_are_compared() -> None:
    found = seen(people(260, 4))
    assert found.size == 4 and found.content is not None and found.content.accounts == 250


def test_the_newest_requests_are_compared() -> None:
    """Four old requests about one's own topic, two new ones about anything."""
    rng = np.random.default_rng(3)
    members = []
    for index in range(30):
        old, new = person(rng, index, 4, topic=index), person(rng, index, 2)
        old.sample = [one._replace(at=one.at - 5000 * HOUR) for one in old.sample] + new.sample
        members.append(old)
    newest, every = seen(members, sizes=(2,)), seen(members, sizes=(6,))
    assert newest.content is not None and every.content is not None
    assert newest.content.persistent <= 2 and every.content.persistent >= 28


def test_accounts_of_one_customer_are_one_party() -> None:
    """Three offices that deal their work to five accounts each, and fourteen people: seventeen parties."""
    rng = np.random.default_rng(4)
    shared, members = {}, people(14)
    for office in range(3):
        name = token(Kind.ORGANISATION, 100 + office)
        accounts = [person(rng, 20 + 5 * office + one, customer=(name,)) for one in range(5)]
        shared[name] = [account.index for account in accounts]
        members += accounts
    customers = Customers(shared, {Kind.ORGANISATION: 5})
    found = seen(members, customers)
    assert found.content is not None and found.content.accounts == 17
    # Beyond the largest honest customer it is a pool, whose accounts count by themselves.
    pool = seen(members, Customers(shared, {Kind.ORGANISATION: 4}))
    assert pool.content is not None and pool.content.accounts == 29
    assert look(members[3:], NOTHING, customers) is None


def test_a_customer_is_who_shares_openly() -> None:
    rng = np.random.default_rng(5)
    first, second = (person(rng, index, 1, customer=(ORGANISATION, PAYMENT)) for index in (3, 4))
    largest = {Kind.ORGANISATION: 2, Kind.PAYMENT: 3}
    both = Customers({ORGANISATION: [3, 4], PAYMENT: [3, 4, 5]}, largest)
    assert both.of(first) == both.of(second) == ORGANISATION
    assert Customers({ORGANISATION: [3, 4, 5], PAYMENT: [3, 4, 5]}, largest).of(first) == PAYMENT
    alone = Customers({ORGANISATION: [3, 4, 5], PAYMENT: [3, 4, 5, 6]}, largest)
    assert alone.of(first) == -3 and alone.of(second) == -4
    assert NOBODY.of(first) == -3
    # A kind that no honest customer shares: nobody may.
    assert Customers({ORGANISATION: [3, 4]}, {}).of(first) == -3


def test_what_is_shown_is_a_mean_over_parties() -> None:
    """Of 20 accounts 5 show a cue at half of their six evidence requests, and one customer of two at 3 of 12."""
    rng = np.random.default_rng(6)
    members = [person(rng, index, shown=(3 if index < 5 else 0, 0, 0, 0, 6)) for index in range(19)]
    members += [
        person(rng, index, customer=(ORGANISATION,), shown=(number, 0, 0, 0, 6)) for index, number in ((19, 1), (20, 2))
    ]
    customers = Customers({ORGANISATION: [19, 20]}, {Kind.ORGANISATION: 2})
    assert seen(members, customers).shown == pytest.approx(((5 * 0.5 + 0.25) / 20, 0, 0, 0, 1))
    assert seen(members).shown == pytest.approx(((5 * 0.5 + 1 / 6 + 2 / 6) / 21, 0, 0, 0, 1))


@pytest.mark.parametrize(("sharing", "covered"), [(0, 0.0), (2, 0.0), (3, 0.1), (15, 0.5), (30, 1.0)])
def test_covered_is_the_share_of_requests_with_a_wording_of_the_group(sharing: int, covered: float) -> None:
    """Of 30 accounts a tenth, and three at least, have to show it; own wordings count for nothing."""
    rng = np.random.default_rng(7)
    members = [
        person(rng, index, topic=index, wording=(token(Kind.NEAR, index), *([TEMPLATE] if index < sharing else [])))
        for index in range(30)
    ]
    found = seen(members)
    assert found.covered == pytest.approx(covered) and found.is_eligible(RATES) == (covered >= 0.05)


def test_a_tenth_of_a_large_group_is_more_than_three() -> None:
    rng = np.random.default_rng(8)
    members = [person(rng, index, 2, wording=(TEMPLATE,) if index < 9 else ()) for index in range(100)]
    assert seen(members).covered == 0.0
    members[50] = person(rng, 50, 2)
    assert seen(members).covered == pytest.approx(0.1)


def test_a_benchmark_that_all_ask_at_once_tells_nothing() -> None:
    """Strangers who ask the same two texts within a minute: neither view can tell, and `either` cannot."""
    rng = np.random.default_rng(9)
    members = people(20, 4)
    texts = [content([f"b{number}w{one}" for one in range(20)], IDF) for number in range(2)]
    for account in members:
        account.sample = [Sampled(int(rng.integers(10_000_000)), texts[int(rng.integers(2))], ()) for _ in range(4)]
    found = seen(members)
    assert found.content is None and found.times is None and found.either is None and not found.is_eligible(RATES)


def test_a_look_says_the_same_twice() -> None:
    assert look(people(40), NOTHING, NOBODY) == look(people(40), NOTHING, NOBODY)
    assert seen(people(40)).content == Counted(40, 40)


@pytest.mark.parametrize("view", ["either", "content", "times"])
def test_a_person_in_a_queue_is_recognised_and_its_own_accounts_are_not(view: str) -> None:
    rng = np.random.default_rng(11)
    background = [person(rng, index).sample for index in range(60)]
    queue = [person(rng, index).sample for index in range(100, 140)]
    persons = [one.sample for size in (2, 3, 4, 6) for one in people(10, size, 200)]
    told = recognisable([*queue, *persons], background, view)
    assert len(told) == 80 and None not in told
    # One in a hundred of either view of the 40; of two requests some persons' have nothing in common.
    assert sum(map(bool, told[:40])) <= 3 and sum(map(bool, told[40:])) >= 36


def test_recognition_needs_two_requests_and_a_group() -> None:
    rng = np.random.default_rng(12)
    background = [person(rng, index).sample for index in range(30)]
    lone, known = person(rng, 50, 1).sample, people(1, 6, 60)[0].sample
    assert recognisable([[], lone, known], background, "either") == [None, None, True]
    assert recognisable([known], background[: LEAST_PARTIES - 2], "either") == [None]
    assert recognisable([known], background[: LEAST_PARTIES - 1], "either") == [True]
    assert recognisable([], background, "either") == []


def test_where_a_view_cannot_tell_nobody_is_recognised() -> None:
    """All in one minute: times say nothing, content still does."""
    rng = np.random.default_rng(13)
    background = [[one._replace(at=7) for one in person(rng, index).sample] for index in range(30)]
    known = [one._replace(at=7) for one in people(1, 6, 60)[0].sample]
    assert recognisable([known], background, "times") == [None]
    assert recognisable([known], background, "content") == recognisable([known], background, "either") == [True]


def test_many_candidates_are_compared_in_parts() -> None:
    """At six requests each, 83 at a time; each as if it were alone but for the draws."""
    rng = np.random.default_rng(14)
    background = [person(rng, index).sample for index in range(60)]
    told = recognisable([one.sample for one in people(200, 6, 300)], background, "content")
    assert len(told) == 200 and sum(map(bool, told)) >= 198


def test_a_group_without_common_wording_is_looked_at_for_a_purpose_that_people_rarely_have() -> None:
    rng = np.random.default_rng(8)

    def of(shown: tuple[int, ...]) -> Look:
        return seen([person(rng, index, wording=(), shown=shown) for index in range(20)])

    # Half of six requests show the first cue, which one honest request in a hundred has; the second one in five has.
    assert of((3, 0, 0, 0, 0)).is_eligible(RATES) and not of((2, 0, 0, 0, 0)).is_eligible(RATES)
    assert not of((0, 6, 0, 0, 0)).is_eligible(RATES)


def test_requests_with_the_wording_of_the_group_are_compared_before_others() -> None:
    """Accounts that carry people's requests, in sittings, and a queue's under one template, at any time."""
    rng = np.random.default_rng(9)
    members = []
    for index in range(40):
        bought, queue = person(rng, index, topic=index, wording=()), person(rng, index, 3)
        bought.alike = queue.sample
        members.append(bought)
    mixed, alone = look(members, {TEMPLATE}, NOBODY), look(members, NOTHING, NOBODY)
    assert mixed is not None and mixed.either is not None and alone is not None and alone.either is not None
    assert (mixed.size, alone.size) == (3, 6)
    assert mixed.either.persistent <= 4 and alone.either.persistent >= 36
    # What binds the group is looked for in the newest of all.
    assert mixed.covered == alone.covered == 0.0
