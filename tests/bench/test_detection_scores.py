"""A log of nine accounts and two campaigns, scored by hand."""

import json

import pytest

from bench.detection_scores import CampaignScore, HonestScore, InnocentScore, Scores, first_actions, score
from bench.detection_truth import Asked
from stillhouse.errors import RecordError


def label(account: str, role: str, kind: str, campaign: str | None = None) -> dict[str, str | None]:
    return {"account": account, "role": role, "kind": kind, "campaign": campaign, "group": None}


LABELS = [
    *(label(f"p{number}", "honest", "person") for number in range(4)),
    label("r", "honest", "relay"),
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
        (["r"], "suspend", 9),
        (["r"], "slow", 3),
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
# (time, whether it is the campaign's own, the innocent user)
TRAFFIC: dict[str, list[tuple[int, bool, str | None]]] = {
    **{f"p{number}": [(1, False, None)] for number in range(4)},
    "r": [(1, False, "ann"), (5, False, "bob"), (9, False, "bob"), (99, False, "cem"), (100, False, "cem")],
    "c1": [(10, True, None), (19, False, "dora"), (20, True, None), (21, True, None), (40, True, None)],
    "c2": [(15, True, None), (16, True, None), (16, False, "dora"), (17, False, None)],
    "c3": [(50, True, None), (60, True, None)],
    "d1": [(1, True, None)],
    "d2": [(2, True, None), (3, True, None), (4, False, None)],
}
ASKED = [Asked(account, *entry) for account, entries in TRAFFIC.items() for entry in entries]
SCORES = score(LABELS, ACTIONS, ASKED)


def test_the_first_time_of_each_action() -> None:
    assert ACTIONS["c1"] == {"observe": 10, "slow": 12, "suspend": 20}
    assert ACTIONS["c2"] == {"observe": 10, "remove": 15, "suspend": 25}
    assert "p2" not in ACTIONS


def test_an_unknown_action_is_one_line() -> None:
    with pytest.raises(RecordError, match="action 'ban' of a decision is none of observe, slow"):
        first_actions([(["a"], "ban", 0)])


def test_honest_accounts_by_kind() -> None:
    """The silent one is none; who is only observed is not hit."""
    assert SCORES.honest == {"person": HonestScore(4, slowed=1), "relay": HonestScore(1, slowed=1, suspended=1)}


def test_campaigns() -> None:
    """c1's exchange at 20, the moment of its suspension, was answered; c2 is removed at 15; c3 is never stopped."""
    one, two = SCORES.campaigns["one"], SCORES.campaigns["two"]
    assert one == CampaignScore(accounts=3, named=2, slowed=2, suspended=2, own=8, let_through=2 + 1 + 2)
    assert two == CampaignScore(accounts=2, named=1, slowed=0, suspended=0, own=3, let_through=3)


def test_innocents_are_counted_once_each_and_only_where_they_were_held_up() -> None:
    """bob asked at 5, after 3, when the relay was slowed, and at 9, when it was suspended and he was answered. dora's
    sessions cover c1, which was slowed before 19, and c2, which was removed before 16.
    """
    assert SCORES.innocents == {"relay": InnocentScore(3, slowed=2, refused=1), "cover": InnocentScore(1, 1, 1)}


def test_without_any_action_everything_comes_through() -> None:
    scores = score(LABELS, {}, ASKED)
    assert scores.honest["person"] == HonestScore(4)
    assert scores.campaigns["one"] == CampaignScore(accounts=3, own=8, let_through=8)


def test_without_any_traffic() -> None:
    assert score(LABELS, ACTIONS, []) == Scores({}, {}, {})


def test_counts_survive_a_file() -> None:
    assert Scores.of(json.loads(json.dumps(SCORES.as_dict()))) == SCORES


def test_accounts_without_a_label_and_unknown_roles() -> None:
    with pytest.raises(RecordError, match="account stranger has no label"):
        score(LABELS, {"stranger": {"slow": 1}}, [])
    with pytest.raises(RecordError, match="account other has no label"):
        score(LABELS, {}, [Asked("other", 1, False, None)])
    with pytest.raises(RecordError, match="label of account x: role is 'guest'; it must be honest or campaign"):
        score([label("x", "guest", "person")], {}, [Asked("x", 1, False, None)])
