"""What detection brings about, and that no person's word is overruled by what was known when it was said."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stillhouse.guard.access.detected import DETECTOR, BroughtAbout, Found, bring_about
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.access.faults import ConflictError
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.ledger.entry import Entry
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.state.database import writing
from stillhouse.guard.state.tables import actions
from tests.guard.conftest import OpenAt

Find = Callable[..., BroughtAbout]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(open_at: OpenAt, clock: Clock) -> Iterator[Registry]:
    """The accounts `a` to `d`; whatever a test does, the ledger verifies afterwards."""
    state = open_at(clock=clock)
    state.registry.create_organisation(Organisation(id="org"))
    for name in "abcd":
        state.registry.create_account(Account(id=name, organisation="org"))
    yield state.registry
    assert verify(state.engine, public_key=state.ledger.verifier).holds


@pytest.fixture
def find(registry: Registry) -> Find:
    """`find("ab", "slow", at=900.0)`: a decision about these accounts of the campaign `wave`."""

    def found(accounts: str, action: Any, **more: Any) -> BroughtAbout:
        fields = {"campaign": "wave", "waits": False, "at": 900.0, "reason": "a queue", "because": {"log_e": 7.5}}
        return bring_about(registry, Found(accounts=[*accounts], action=action, **{**fields, **more}))

    return found


def entries(registry: Registry) -> list[Entry]:
    return [one for one in list_entries(registry.engine) if one.kind.startswith(("action", "review"))]


def in_force(registry: Registry) -> dict[str, str]:
    return {one.account: one.action for one in registry.actions()}


def pending(registry: Registry) -> dict[str, str]:
    return {one.account: one.action for one in registry.proposals()}


def test_an_action_is_in_force_at_once_recorded_and_taken_back(registry: Registry, find: Find) -> None:
    done = find("abx", "slow")
    assert (done.taken, done.unknown) == (["a", "b"], ["x"])
    about, one, other = entries(registry)
    assert (about.subject, about.actor, about.details["because"]) == ("wave", DETECTOR, {"log_e": 7.5})
    assert [(it.kind, it.subject, it.actor) for it in (one, other)] == [
        ("action", "a", DETECTOR),
        ("action", "b", DETECTOR),
    ]
    assert "because" not in one.details, "an account's entry shows the campaign's evidence"
    assert [one.account for one in registry.restore_campaign("wave", actor="anna")] == ["a", "b"]


def test_a_decision_that_comes_again_changes_nothing(registry: Registry, find: Find) -> None:
    find("ab", "verify")
    find("ab", "suspend", waits=True)
    version, before = registry.version(), entries(registry)
    for _ in range(2):
        assert find("ab", "slow").settled == ["a", "b"]
        assert find("ab", "verify").settled == ["a", "b"]
        assert find("ab", "suspend", waits=True).settled == ["a", "b"]
    assert (registry.version(), entries(registry)) == (version, before)


def test_stronger_evidence_makes_it_stronger_and_new_accounts_come_to_it(registry: Registry, find: Find) -> None:
    find("ab", "slow")
    done = find("abc", "suspend")
    assert done.taken == ["a", "b", "c"] and in_force(registry) == dict.fromkeys("abc", "suspend")
    assert [one.details["before"] for one in entries(registry)[-3:]] == ["slow", "slow", None]


def test_what_waits_is_not_in_force_until_a_person_approves(registry: Registry, find: Find, clock: Clock) -> None:
    find("ab", "verify")
    assert find("abc", "suspend", waits=True).asked == ["a", "b", "c"]
    assert in_force(registry) == {"a": "verify", "b": "verify"}
    assert pending(registry) == dict.fromkeys("abc", "suspend")
    assert registry.proposals("wave", after="a", limit=1)[0].because == {"log_e": 7.5}
    assert [one.kind for one in entries(registry)[-4:]] == ["action.proposed"] * 4
    clock.now = 2000.0
    done = registry.review_campaign("wave", "approved", seen="suspend", reason="looked at it", actor="anna")
    assert [(one.account, one.since) for one in done] == [("a", 2000.0), ("b", 2000.0), ("c", 2000.0)]
    assert in_force(registry) == dict.fromkeys("abc", "suspend") and pending(registry) == {}
    word, *actions = entries(registry)[-4:]
    assert (word.kind, word.actor, word.details["actions"]) == ("review", "anna", {"suspend": 3})
    assert {(one.kind, one.actor) for one in actions} == {("action", "anna")}


def test_postgres_does_the_same(postgres_url: str, open_at: OpenAt, clock: Clock) -> None:
    registry = open_at(postgres_url, clock=clock).registry
    registry.create_organisation(Organisation(id="org"))
    for name in "ab":
        registry.create_account(Account(id=name, organisation="org"))
    found = Found(["a", "b"], "wave", "suspend", waits=True, at=900.0, reason="a queue", because={"log_e": 7.5})
    assert bring_about(registry, found).asked == ["a", "b"] and pending(registry) == {"a": "suspend", "b": "suspend"}
    clock.now = 2000.0
    registry.review("a", "rejected", seen="suspend", reason="a class", actor="anna")
    registry.review_campaign("wave", "approved", seen="suspend", reason="seen", actor="anna")
    assert in_force(registry) == {"b": "suspend"} and pending(registry) == {}
    again = bring_about(registry, found)
    assert (again.covered, again.settled) == (["a"], ["b"])


def test_what_a_person_rejects_is_not_asked_again(registry: Registry, find: Find, clock: Clock) -> None:
    find("ab", "verify")
    find("abc", "suspend", waits=True)
    clock.now = 2000.0
    registry.review("c", "rejected", seen="suspend", reason="a class", actor="anna")
    registry.review_campaign("wave", "rejected", seen="suspend", reason="a class", actor="anna")
    assert in_force(registry) == {"a": "verify", "b": "verify"} and pending(registry) == {}
    assert find("abc", "suspend", waits=True).covered == ["a", "b", "c"]
    with pytest.raises(ConflictError, match="nothing is in force to review"):
        registry.review("c", "approved", seen="suspend", reason="late", actor="ben")


def test_who_speaks_past_what_waits_is_told_of_it(registry: Registry, find: Find) -> None:
    find("a", "verify", waits=True)
    find("b", "suspend", waits=True)
    version, before = registry.version(), entries(registry)
    with pytest.raises(
        ConflictError, match=r"^campaign 'wave': 'verify' and 'suspend' wait for a person, not 'slow'; "
    ):
        registry.review_campaign("wave", "approved", seen="slow", reason="x")
    with pytest.raises(ConflictError, match=r"^account 'b': 'suspend' waits for a person, not 'slow'; look at that"):
        registry.review("b", "approved", seen="slow", reason="x")
    with pytest.raises(
        ConflictError, match=r"^campaign 'wave': nothing is in force to end, and 'verify' and 'suspend'"
    ):
        registry.restore_campaign("wave")
    with pytest.raises(ConflictError, match=r"^account 'a': nothing is in force to end, and 'verify' waits for a"):
        registry.restore("a")
    assert (registry.version(), entries(registry), pending(registry)) == (
        version,
        before,
        {"a": "verify", "b": "suspend"},
    )
    assert registry.restore("c") is None and registry.restore_campaign("other") == []


def test_a_restored_account_is_left_alone_and_newer_evidence_asks(registry: Registry, find: Find, clock: Clock) -> None:
    find("ab", "slow")
    clock.now = 2000.0
    registry.restore("a", reason="appeal granted", actor="anna")
    assert find("ab", "suspend", at=1999.0).covered == ["a"]
    assert in_force(registry) == {"b": "suspend"}
    later = find("ab", "suspend", at=2001.0)
    assert (later.asked, later.settled) == (["a"], ["b"])
    assert in_force(registry) == {"b": "suspend"} and pending(registry) == {"a": "suspend"}


def test_an_operators_action_is_neither_replaced_nor_weakened(registry: Registry, find: Find, clock: Clock) -> None:
    registry.set_action("a", "slow", reason="a trial", actor="anna")
    registry.set_action("b", "suspend", actor="anna")
    done = find("ab", "verify", at=1500.0)
    assert (done.asked, done.settled) == (["a"], ["b"])
    assert find("a", "suspend", at=1500.0, campaign=None).asked == ["a"]
    assert in_force(registry) == {"a": "slow", "b": "suspend"} and pending(registry) == {"a": "suspend"}
    clock.now = 2000.0
    registry.set_action("a", "strip", actor="ben")
    assert pending(registry) == {}, "a person's word covers what had waited"


def test_an_approval_leaves_what_waits_and_makes_the_account_a_persons(
    registry: Registry, find: Find, clock: Clock
) -> None:
    find("a", "verify")
    find("a", "suspend", waits=True)
    clock.now = 2000.0
    registry.review("a", "approved", seen="verify", reason="yes", actor="anna")
    assert in_force(registry) == {"a": "verify"} and pending(registry) == {"a": "suspend"}
    registry.review("a", "approved", seen="suspend", reason="yes", actor="anna")
    registry.set_action("a", "slow", reason="milder", actor="ben")
    assert find("a", "suspend", at=1999.0).covered == ["a"]


def test_enough_evidence_does_not_wait_for_an_answer(registry: Registry, find: Find) -> None:
    find("a", "suspend", waits=True)
    assert find("a", "suspend").taken == ["a"]
    assert in_force(registry) == {"a": "suspend"} and pending(registry) == {}


def test_an_account_by_itself(registry: Registry, find: Find) -> None:
    find("a", "slow", campaign=None)
    find("b", "suspend", campaign=None, waits=True)
    assert [(one.kind, one.subject, one.details["because"]) for one in entries(registry)] == [
        ("action", "a", {"log_e": 7.5}),
        ("action.proposed", "b", {"log_e": 7.5}),
    ]


def test_a_row_of_before_says_nothing_of_who_spoke(registry: Registry, find: Find) -> None:
    registry.set_action("a", "slow", actor="anna")
    with writing(registry.engine) as connection:
        connection.execute(actions.update().values(actor=None, at=None))
    assert find("a", "suspend").asked == ["a"]
