"""Decisions become actions of the registry; a database that is away is waited for."""

import threading
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from stillhouse.guard.access.detected import DETECTOR, bring_about
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.live import acting
from stillhouse.guard.live.acting import Acting
from tests.guard.conftest import OpenAt
from tests.guard.live.test_decision_file import decision


@pytest.fixture
def registry(open_at: OpenAt) -> Registry:
    registry = open_at().registry
    registry.create_organisation(Organisation(id="org"))
    for name in ("a", "b"):
        registry.create_account(Account(id=name, organisation="org"))
    return registry


def test_a_campaign_keeps_the_name_of_its_first_decision(registry: Registry) -> None:
    one = Acting(registry, "sha256:ab", threading.Event())
    one.act(decision("c00001", at=1_784_505_600_000_000, accounts=["a"]))
    one.act(decision("c00001", at=1_784_509_200_000_000, accounts=["b"]))
    one.act(decision("b", kind="account", accounts=["b"], action="suspend", review="pending"))
    assert {action.account: action.campaign for action in registry.actions()} == {
        "a": "c00001-20260720T000000Z",
        "b": "c00001-20260720T000000Z",
    }
    assert [proposal.campaign for proposal in registry.proposals()] == [None]
    about = next(entry for entry in list_entries(registry.engine) if entry.subject.startswith("c00001"))
    assert about.actor == DETECTOR
    assert about.details["because"] == {
        "time": "2026-07-20T00:00:00.000Z",
        "after_exchange": "ex",
        "review": "none",
        "log_e": 7.25,
        "level": 0.001,
        "because": ["é"],
        "reference": "sha256:ab",
    }


def test_what_is_only_observed_is_not_called_a_queue(registry: Registry) -> None:
    one = Acting(registry, "", threading.Event())
    one.act(decision("c00001", accounts=["a"], action="observe"))
    one.act(decision("c00001", accounts=["b"], action="slow"))
    reasons = {action.account: action.reason for action in registry.actions()}
    assert "more alike than those of honest people" in reasons["a"] and "queue" not in reasons["a"]
    assert "look like one queue of work" in reasons["b"]


def test_a_database_that_is_away_is_waited_for(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def away_at_first(*arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) < 3:
            raise OperationalError("statement", {}, Exception("gone"))
        return bring_about(*arguments)

    monkeypatch.setattr(acting, "bring_about", away_at_first)
    monkeypatch.setattr(acting, "_FIRST_PAUSE", 0.01)
    stop = threading.Event()
    assert Acting(registry, "", stop).act(decision("c1")) and len(asked) == 3
    stop.set()
    assert not Acting(registry, "", stop).act(decision("c2")) and len(asked) == 3
