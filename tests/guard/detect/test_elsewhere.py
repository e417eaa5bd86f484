"""A relay's users go on with what other accounts were answered."""

from stillhouse.guard.detect.account import Account
from stillhouse.guard.detect.elsewhere import people_behind
from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.detect.population import Population
from tests.guard.detection import KEY, row


def account(name: str, *, own: int, elsewhere: int) -> Account:
    """One that goes on with so many answers that it was given, and so many that it was not."""
    ways = [Manner(given=1)] * 40 + [Manner(given=1, carried=1)] * own + [Manner(given=1, carried=2)] * elsewhere
    rows = [row(f"{name}{number}", number, name, manner=manner) for number, manner in enumerate(ways)]
    population = Population(KEY, 1 << 60)
    for one in rows:
        population.add(one)
    (found,) = population.accounts
    return found


def test_more_than_a_tenth_is_told() -> None:
    alone, relay = account("a", own=10, elsewhere=0), account("b", own=8, elsewhere=2)
    assert people_behind([alone]) == []
    assert people_behind([alone, relay]) == []  # 2 of 20
    assert people_behind([relay, account("c", own=3, elsewhere=1)]) == [
        "of the requests that go on with a conversation 21% carry an answer that was not among the last 16 given to "
        "their account: innocent people may be behind it, as behind a relay"
    ]


def test_where_nobody_goes_on_with_anything_nothing_is_told() -> None:
    assert people_behind([]) == people_behind([account("a", own=0, elsewhere=0)]) == []
