"""Five decisions about two campaigns, one of them of honest people."""

import math
from typing import Any

import pytest

from bench.detection_subjects import courses, decided, discoveries, milliseconds
from stillhouse.errors import RecordError

CAMPAIGNS = {"c1": "one", "c2": "one", "c3": "one", "p1": None, "p2": None, "p3": None}


def decision(hour: int, id: str, accounts: list[str], action: str, log_e: float, kind: str = "campaign") -> Any:
    return {
        "time": f"2026-07-20T{hour:02}:00:00Z",
        "subject": {"kind": kind, "id": id},
        "accounts": accounts,
        "action": action,
        "log_e": log_e,
        "level": 0.01,
    }


DECISIONS = [
    decision(1, "c00001", ["c1", "p1"], "observe", 4.0),
    decision(2, "c00001", ["c1", "c2"], "suspend", 6.0),
    decision(3, "c00001", ["c3", "p1"], "suspend", 6.0),
    decision(4, "c00002", ["p2", "p3", "c1"], "slow", 5.0),
    decision(5, "p3", ["p3"], "slow", 5.0, kind="account"),
    decision(6, "p3", ["p3"], "restore", 5.0, kind="account"),
]


def test_a_discovery_counts_for_its_action_and_all_weaker_ones() -> None:
    found = discoveries(DECISIONS, CAMPAIGNS)
    assert found["campaign"]["suspend"] == {"subjects": 1, "false": 0, "accounts": 4, "honest": 1}
    # Both subjects hit c1, which is one account.
    assert found["campaign"]["slow"] == {"subjects": 2, "false": 1, "accounts": 6, "honest": 3}
    assert found["campaign"]["observe"] == found["campaign"]["slow"]
    assert found["campaign"]["remove"]["subjects"] == 0
    assert found["account"]["slow"] == {"subjects": 1, "false": 1, "accounts": 1, "honest": 1}


def test_half_and_half_is_not_false() -> None:
    found = discoveries([decision(1, "c00001", ["c1", "p1"], "slow", 4.0)], CAMPAIGNS)
    assert found["campaign"]["slow"]["false"] == 0


def test_the_course_of_a_campaign_is_that_of_its_largest_part_and_says_each_thing_once() -> None:
    begin = milliseconds("2026-07-20T00:00:00Z")
    course = courses(DECISIONS, CAMPAIGNS, {"one": begin})
    assert [(point["hours"], point["log_e"], point["action"]) for point in course["one"]] == [
        (1.0, 4.0, "observe"),
        (2.0, 6.0, "suspend"),
    ]
    assert course["one"][0]["needed"] == pytest.approx(math.log(100))


def test_decisions_as_scores_take_them() -> None:
    accounts, action, time = list(decided(DECISIONS))[-1]
    assert (accounts, action, time) == (["p3"], "restore", milliseconds("2026-07-20T06:00:00Z"))
    with pytest.raises(RecordError, match="decision at 'soon': that is no time"):
        milliseconds("soon")
