"""A log of nine accounts and two campaigns, scored by hand."""

import pytest

from bench.detection_scores import Exchanges, count_exchanges, first_actions, score
from stillhouse.errors import RecordError
from stillhouse.stats import wilson


def label(account: str, role: str, kind: str, campaign: str | None = None) -> dict[str, str | None]:
    return {"account": account, "role": role, "kind": kind, "campaign": campaign, "group": None}


LABELS = [
    *(label(f"p{number}", "honest", "person") for number in range(4)),
    label("b", "honest", "batch"),
    label("silent", "honest", "person"),
    label("c1", "campaign", "instructions", "one"),
    label("c2", "campaign", "instructions", "one"),
    label("c3", "campaign", "instructions", "one"),
    label("d1", "campaign", "reasoning", "two"),
    label("d2", "campaign", "reasoning", "two"),
]
ACTIONS = first_actions(
    [
        (["p0"], "observe", 5),
        (["p1"], "slow", 7),
        (["b"], "suspend", 9),
        (["c1", "c2"], "observe", 10),
        (["c1"], "slow", 12),
        (["c1"], "suspend", 20),
        (["c1"], "restore", 21),
        (["c1"], "suspend", 30),
        (["c2"], "remove", 15),
        (["c2"], "suspend", 25),
        (["d1"], "observe", 1),
    ]
)
# Account, times, and which of them are the campaign's own.
TRAFFIC = {
    **{f"p{number}": [(1, False)] for number in range(4)},
    "b": [(1, False), (99, False)],
    "c1": [(10, True), (19, False), (20, True), (21, True), (40, True)],
    "c2": [(15, True), (16, True)],
    "c3": [(50, True), (60, True)],
    "d1": [(1, True)],
    "d2": [(2, True), (3, True), (4, False)],
}
EXCHANGES = count_exchanges(
    ((account, time, own) for account, entries in TRAFFIC.items() for time, own in entries), ACTIONS
)


def test_the_first_time_of_each_action() -> None:
    assert ACTIONS["c1"] == {"observe": 10, "slow": 12, "suspend": 20}
    assert ACTIONS["c2"] == {"observe": 10, "remove": 15, "suspend": 25}
    assert "p2" not in ACTIONS


def test_an_unknown_action_is_one_line() -> None:
    with pytest.raises(RecordError, match="action 'ban' of a decision is none of observe, slow"):
        first_actions([(["a"], "ban", 0)])


def test_what_came_through_before_the_suspension() -> None:
    # c1 at 10 and, at the moment of the suspension, 20; its request of 19 is an innocent one. c2 is removed at 15.
    assert EXCHANGES["c1"] == Exchanges(seen=5, own=4, let_through=2)
    assert EXCHANGES["c2"] == Exchanges(seen=2, own=2, let_through=1)
    assert EXCHANGES["c3"] == Exchanges(seen=2, own=2, let_through=2)
    assert EXCHANGES["d2"] == Exchanges(seen=3, own=2, let_through=2)
    assert EXCHANGES["b"] == Exchanges(seen=2)


def test_honest_accounts_by_kind() -> None:
    every, batch, person = score(LABELS, ACTIONS, EXCHANGES).honest
    assert (every.kind, every.accounts, batch.kind, batch.accounts) == ("all", 5, "batch", 1)
    assert (person.kind, person.accounts) == ("person", 4)  # the silent one is none
    assert every.suspended == wilson(1, 5) and every.slowed == wilson(2, 5)
    assert batch.suspended == wilson(1, 1)
    assert person.suspended == wilson(0, 4) and person.slowed == wilson(1, 4)
    assert person.suspended.high == pytest.approx(3.8414588 / (4 + 3.8414588))  # z^2 / (n + z^2)


def test_campaigns() -> None:
    one, two = score(LABELS, ACTIONS, EXCHANGES).campaigns
    assert (one.campaign, one.accounts, one.found) == ("one", 3, True)
    assert one.acted == one.suspended == pytest.approx(2 / 3)
    assert one.let_through == pytest.approx((2 + 1 + 2) / 8)
    assert (two.campaign, two.accounts, two.found, two.acted, two.suspended) == ("two", 2, True, 0, 0)
    assert two.let_through == 1


def test_over_campaigns_and_over_those_acted_on() -> None:
    scores = score(LABELS, ACTIONS, EXCHANGES)
    assert scores.found == 2
    assert scores.median_acted == scores.median_suspended == pytest.approx(1 / 3)
    assert scores.median_let_through == pytest.approx((5 / 8 + 1) / 2)
    assert scores.false_discoveries == wilson(2, 4)  # p1 and b of p1, b, c1, c2


def test_without_any_action() -> None:
    exchanges = count_exchanges([("p0", 1, False), ("c1", 1, True)], {})
    scores = score(LABELS, {}, exchanges)
    assert scores.false_discoveries is None and scores.found == 0
    assert [(one.found, one.let_through) for one in scores.campaigns] == [(False, 1.0)]
    assert scores.honest[0].suspended == wilson(0, 1)


def test_without_any_traffic() -> None:
    scores = score(LABELS, {}, {})
    assert scores.honest == () and scores.campaigns == () and scores.median_let_through is None


def test_a_campaign_whose_accounts_only_covered() -> None:
    (only,) = score(LABELS, {}, count_exchanges([("c1", 1, False)], {})).campaigns
    assert only.let_through is None


def test_accounts_without_a_label_and_unknown_roles() -> None:
    with pytest.raises(RecordError, match="account stranger has no label"):
        score(LABELS, {"stranger": {"slow": 1}}, {})
    with pytest.raises(RecordError, match="account other has no label"):
        score(LABELS, {}, {"other": Exchanges(seen=1)})
    with pytest.raises(RecordError, match="label of account x: role is 'guest'; it must be honest or campaign"):
        score([label("x", "guest", "person")], {}, {})
