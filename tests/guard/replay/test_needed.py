"""What features need is listed whole, and what an exchange has of it is told field by field."""

import importlib
import pkgutil
from typing import Any

import pytest

from stillhouse.guard import features
from stillhouse.guard.replay.needed import NEEDED, has
from tests.guard.detection import exchange

TIME = "2026-07-20T00:00:00Z"
WHOLE: dict[str, Any] = {
    "organisation": "org",
    "client": {"ip": "198.51.100.7", "ja4": "t13", "user_agent": "python/3", "harness": "cli"},
    "registration": {
        "payment": "tok",
        "phone": "+1",
        "email_domain": "example.org",
        "created": "2026-07-01T00:00:00Z",
        "plan": "pro",
    },
    "response": {"choices": []},
    "usage": {"cached_input_tokens": 0},
}


def needs() -> dict[str, tuple[str, ...]]:
    """What each feature says, by its name: those that see tokens or words alone say nothing."""
    modules = {
        one.name: importlib.import_module(f"{features.__name__}.{one.name}")
        for one in pkgutil.iter_modules(features.__path__)
    }
    return {name: module.NEEDS for name, module in modules.items() if hasattr(module, "NEEDS")}


def test_what_every_feature_needs_is_listed_once() -> None:
    told = {"request text" if name == "request" else name for of_one in needs().values() for name in of_one}
    assert len(needs()) == 17
    assert told - {"time"} == set(NEEDED) and len(NEEDED) == len(set(NEEDED))


def test_the_order_is_that_of_the_features() -> None:
    assert NEEDED == (
        "request text", "client.ip", "client.user_agent", "client.harness", "response", "usage.cached_input_tokens",
        "organisation", "client.ja4", "registration.payment", "registration.phone", "registration.email_domain",
        "registration.created", "registration.plan",
    )  # fmt: skip


def test_an_exchange_with_everything_has_it_and_a_bare_one_its_text() -> None:
    assert all(has(exchange("1", TIME, "a", "hello", **WHOLE), name) for name in NEEDED)
    assert [name for name in NEEDED if has(exchange("1", TIME, "a", "hello"), name)] == ["request text"]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("organisation", {"organisation": ""}),
        ("client.harness", {"client": {**WHOLE["client"], "harness": None}}),
        ("client.ip", {"client": {**WHOLE["client"], "ip": ""}}),
        ("registration.created", {"registration": {**WHOLE["registration"], "created": "long ago"}}),
        ("registration.created", {"registration": {**WHOLE["registration"], "created": 1_784_505_600}}),
        ("usage.cached_input_tokens", {"usage": {}}),
        ("response", {"response": None}),
    ],
)
def test_a_value_of_which_nothing_can_be_made_is_none(name: str, more: dict[str, Any]) -> None:
    one = exchange("1", TIME, "a", "hello", **{**WHOLE, **more})
    assert [absent for absent in NEEDED if not has(one, absent)] == [name]


def test_a_request_that_says_nothing_has_no_text() -> None:
    assert not has(exchange("1", TIME, "a", []), "request text")
