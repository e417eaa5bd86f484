"""Accounts and what they share: the linking half links, and memory has bounds."""

from stillhouse.guard.detect.account import TOKENS_KEPT
from stillhouse.guard.detect.population import LEAST_SHARED, Grouping, Population
from stillhouse.guard.features.tokens import Kind, token
from tests.guard.detection import KEY, row

TEMPLATE = token(Kind.OPENING, 1)


def population() -> Population:
    return Population(KEY, 1 << 60)


def test_wording_links_by_the_linking_half_only() -> None:
    people = population()
    for name in ("a", "b", "c"):
        people.add(row(f"e{name}", 0, name, evidence=True, wording=(TEMPLATE,), client=token(Kind.CLIENT, ord(name))))
    assert people.shared.accounts == {}
    for name in ("a", "b"):
        people.add(row(f"l{name}", 1, name, evidence=False, wording=(TEMPLATE,), client=token(Kind.CLIENT, ord(name))))
    assert people.shared.accounts == {TEMPLATE: {0: None, 1: None}}


def test_origin_links_whatever_the_half() -> None:
    people = population()
    address = token(Kind.ADDRESS, 5)
    for name in ("a", "b"):
        people.add(row(name, 0, name, evidence=True, origin=(address,), client=token(Kind.CLIENT, ord(name))))
    assert people.shared.accounts == {address: {0: None, 1: None}}


def test_an_account_keeps_so_many_tokens_and_forgets_the_oldest() -> None:
    people = population()
    for number in range(TOKENS_KEPT + 3):
        for name in ("a", "b"):
            people.add(row(f"{name}{number}", number, name, evidence=False, wording=(token(Kind.OPENING, number),)))
    account = people.find("b")
    assert account is not None and len(account.linked) == TOKENS_KEPT
    assert account.linked[-1] == token(Kind.OPENING, TOKENS_KEPT + 2)


def test_a_group_appears_when_enough_accounts_share_a_token() -> None:
    people = population()
    grouping = Grouping(people)
    for number in range(LEAST_SHARED + 2):
        client = token(Kind.CLIENT, 100 + number)
        _, listed = people.add(
            row(str(number), number, f"a{number}", evidence=False, wording=(TEMPLATE,), client=client)
        )
        families = grouping.place(listed)
        assert [family.leader for family in families] == ([TEMPLATE] if number >= LEAST_SHARED - 1 else [])
    (family,) = grouping.all()
    assert list(family.accounts) == list(range(LEAST_SHARED + 2))


def test_spans_of_accounts_are_numbered_as_they_begin() -> None:
    people = Population(KEY, 100)
    numbers = [people.add(row(str(at), at, name))[0].number for at, name in ((0, "a"), (5, "b"), (99, "a"), (100, "a"))]
    assert numbers == [0, 1, 0, 2]
    assert people.add(row("c", 101, "c"))[0].number == 3
    # b's second span begins with its first request in it, and one that is passed over is none.
    assert people.add(row("late", 250, "b"))[0].number == 4
