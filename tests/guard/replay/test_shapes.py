"""Lines of a replay's files: whatever the format allows is one, and what is not is told in one line."""

from typing import Any

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.replay.shapes import check_shape
from tests.guard.live.test_decision_file import decision

DECISION = decision("c00001", accounts=["a", "b"]).as_record()


@pytest.mark.parametrize("action", ["observe", "slow", "strip", "verify", "suspend", "remove", "restore"])
@pytest.mark.parametrize("review", ["none", "pending", "approved"])
def test_every_word_of_the_format_is_read(action: str, review: str) -> None:
    check_shape("decisions.jsonl", {**DECISION, "action": action, "review": review}, "x:1")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"action": "forbid"}, "action is wrong (input should be 'observe', "),
        ({"review": "rejected"}, "review is wrong (input should be 'none', 'pending' or 'approved')"),
        ({"log_e": "12.5"}, "log_e is wrong (input should be a valid number)"),
        ({"level": 0}, "level is wrong (input should be greater than 0)"),
        ({"accounts": ["a", 7]}, "accounts.1 is wrong (input should be a valid string)"),
        ({"subject": {"kind": "campaign"}}, "subject.id is missing"),
        ({"subject": {"kind": "organisation", "id": "o"}}, "subject.kind is wrong (input should be 'account' or "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(more: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordError) as caught:
        check_shape("decisions.jsonl", {**DECISION, **more}, "replay/decisions.jsonl:3")
    text = str(caught.value)
    assert text.startswith(f"replay/decisions.jsonl:3: no line of a replay: {told}")
    assert text.endswith("; make the replay anew") and "\n" not in text


def test_what_is_no_record_is_told_as_the_line() -> None:
    with pytest.raises(RecordError, match="no line of a replay: the line is wrong"):
        check_shape("accounts.jsonl", ["a"], "x:1")


def test_what_a_later_version_says_besides_is_passed_over() -> None:
    check_shape("decisions.jsonl", {**DECISION, "more": 7}, "x:1")


def test_no_line_adds_less_than_nothing() -> None:
    look = {"time": "t", "log_share_of_level": -1.9, "lines": []}
    line = {"line": "times", "log_p": -3.0, "modelled": True, "log_e": 0.4, "weight": 0.2, "adds": 0.0, "facts": {}}
    group = {
        "group": "g0",
        "kind": "wording",
        "accounts": 20,
        "tokens": 1,
        "shares": "same wording",
        "in_reference": 1,
        "bound_by": [],
        "log_e": 0.4,
        "looks": [{**look, "lines": [line]}],
    }
    evidence = {"campaign": "c00001", "course": None, "groups": [group], "decided_by": "g0"}
    check_shape("evidence.jsonl", evidence, "x:1")
    line["adds"] = -0.1
    with pytest.raises(RecordError, match=r"groups\.0\.looks\.0\.lines\.0\.adds is wrong"):
        check_shape("evidence.jsonl", evidence, "x:1")
