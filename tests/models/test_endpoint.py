"""Settings of an endpoint: an address that can be one, no key in it, budgets that are some."""

from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.errors import ConfigError
from stillhouse.models.endpoint import Budget, EndpointSettings, Prices


@pytest.mark.parametrize("cached", [None, 0.0, 0.5])
def test_cached_input_may_cost_as_much_as_input(cached: float | None) -> None:
    assert Prices(input=0.5, cached_input=cached).cached_input == cached


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://host/v1/", "http://[::1]:8000"])
def test_addresses(url: str) -> None:
    assert EndpointSettings(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"base_url": "127.0.0.1:8000"},
            "'base_url' is '127.0.0.1:8000'; give http:// or https://, a host, and a path",
        ),
        ({"base_url": "ftp://host/v1"}, "give http:// or https://"),
        ({"base_url": "http:///v1"}, "give http:// or https://"),
        ({"base_url": "https://host/v1?key=1"}, "give http:// or https://"),
        ({"base_url": "https://host:port/v1"}, "port could not be cast to integer"),
        (
            {"prices": {"input": 0.5, "cached_input": 0.6}},
            "prices.cached_input is 0.6, above prices.input 0.5, which a budget reserves for whatever is read; lower",
        ),
        ({"prices": {"cached_input": 0.1}}, "prices.cached_input is 0.1, above prices.input 0,"),
        ({"budget": {"usd": 0}}, "'budget.usd' is 0; input should be greater than 0"),
        ({"budget": {"tokens": 0}}, "'budget.tokens' is 0; input should be greater than 0"),
        ({"concurrency": 0}, "'concurrency' is 0"),
        ({"base_url": "http://host/v1\n"}, "an address is one line without blanks"),
        ({"base_url": "http://host/\u2028v1"}, "an address is one line without blanks"),
        ({"base_url": "http://host/v 1"}, "an address is one line without blanks"),
        ({"budget": {"usd": 5}}, "budget.usd is 5 and prices.input and prices.output are 0, so it would never be"),
        ({"extra": {"max_tokens": "512"}}, "max_tokens is '512'; give a whole number above 0, or null to leave it out"),
        ({"extra": {"max_completion_tokens": 0}}, "max_completion_tokens is 0; give a whole number above 0"),
        ({"extra": {"n": "x"}}, "n is 'x'; give a whole number above 0"),
        ({"extra": {"best_of": True}}, "best_of is True; give a whole number above 0"),
        ({"extra": {"stop": {1}}}, "give what JSON can hold"),
        ({"extra": {"temperature": float("nan")}}, "give what JSON can hold"),
        (
            {"extra": {"max_tokens": None}, "budget": {"tokens": 9}},
            "extra takes max_tokens out and a budget is set, so nothing bounds what a call may cost; "
            "give another cap under extra (max_completion_tokens, max_output_tokens)",
        ),
        (
            {"api": "responses", "extra": {"max_output_tokens": None}, "budget": {"tokens": 9}},
            "extra takes max_output_tokens out and a budget is set",
        ),
        (
            {"api": "chat"},
            "'api' is 'chat'; input should be 'chat.completions', 'completions', 'responses' or 'messages'",
        ),
        ({"key": "k"}, "unknown key 'key' (value 'k'); did you mean 'key_env'?"),
    ],
)
def test_what_cannot_be_meant(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        validate(EndpointSettings, {"base_url": "http://host/v1", **changes}, "teacher.yaml")
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("teacher.yaml: ") and message in str(raised.value)


def test_a_key_in_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="a key has no place in an address; name its environment variable under key"):
        validate(EndpointSettings, {"base_url": "https://user:secret@host/v1"}, "teacher.yaml")


def test_a_budget_with_a_cap_or_without_need_of_one() -> None:
    renamed = EndpointSettings(
        base_url="http://host/v1", extra={"max_tokens": None, "max_completion_tokens": 64}, budget=Budget(tokens=9)
    )
    assert renamed.extra["max_completion_tokens"] == 64
    assert EndpointSettings(base_url="http://host/v1", extra={"max_tokens": None}).extra == {"max_tokens": None}
    paid = EndpointSettings(base_url="http://host/v1", prices=Prices(output=1.0), budget=Budget(usd=5.0))
    assert paid.budget.usd == 5.0
