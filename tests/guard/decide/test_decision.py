"""The record of a decision is what FORMATS.md says."""

import json
from typing import get_args

from stillhouse.guard.access.entities import ACTIONS
from stillhouse.guard.decide.decision import Decided, Decision, Review

DECISION = Decision(
    at=1_784_880_930_125_999,
    after_exchange="ex_9",
    kind="campaign",
    id="c00001",
    accounts=("acct_1", "acct_2"),
    action="suspend",
    review="pending",
    log_e=12.5,
    level=0.0001,
    because=("one", "two"),
)


def test_the_record_has_the_names_of_the_format_in_their_order() -> None:
    record = DECISION.as_record()
    assert list(record) == [
        "time", "after_exchange", "subject", "accounts", "action", "review", "log_e", "level", "because",
    ]  # fmt: skip
    assert record == {
        "time": "2026-07-24T08:15:30.125Z",
        "after_exchange": "ex_9",
        "subject": {"kind": "campaign", "id": "c00001"},
        "accounts": ["acct_1", "acct_2"],
        "action": "suspend",
        "review": "pending",
        "log_e": 12.5,
        "level": 0.0001,
        "because": ["one", "two"],
    }
    assert json.loads(json.dumps(record)) == record


def test_words_of_the_format() -> None:
    actions = {"observe", "slow", "strip", "verify", "suspend", "remove", "restore"}
    assert set(get_args(Decided)) == actions and set(get_args(Review)) == {"none", "pending", "approved"}
    # In the order of their strength; to restore is none.
    assert ACTIONS == ("observe", "slow", "strip", "verify", "suspend", "remove")
