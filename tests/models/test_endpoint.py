"""Settings of an endpoint: an address that can be one, no key in it, budgets that are some."""

from typing import Any

import pytest

from stillhouse.config import validate
from stillhouse.errors import ConfigError
from stillhouse.models.endpoint import EndpointSettings


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
        ({"budget": {"usd": 0}}, "'budget.usd' is 0; input should be greater than 0"),
        ({"budget": {"tokens": 0}}, "'budget.tokens' is 0; input should be greater than 0"),
        ({"concurrency": 0}, "'concurrency' is 0"),
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
    assert str(raised.value).startswith("teacher.yaml: ") and message in str(raised.value)


def test_a_key_in_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="a key has no place in an address; name its environment variable under key"):
        validate(EndpointSettings, {"base_url": "https://user:secret@host/v1"}, "teacher.yaml")
