"""The one line: who, what, which key, what to do."""

from collections import Counter

import pytest

from stillhouse.errors import ConfigError
from stillhouse.models.connection import Try
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.refusal import given_up, key_from, refused

SETTINGS = EndpointSettings(base_url="https://host/v1", key_env="SERVED_KEY")


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("HTTP 403", "the key came from the environment variable 'SERVED_KEY': set it to one that may use this model"),
        ("HTTP 402", "pay the account up; every answer so far is kept"),
        (
            "HTTP 404",
            "check the model's name (GET https://host/v1/models lists them), base_url with its version, and its API",
        ),
        ("HTTP 301", "give the address that it points to as base_url"),
        ("HTTP 413", "change the request, or take a field out that this endpoint does not know (extra: {field: null})"),
        ("certificate not trusted", "set SSL_CERT_FILE to the authority that signed its certificate"),
    ],
)
def test_refused(kind: str, remedy: str) -> None:
    assert refused("host", SETTINGS, Try(kind=kind, message="no")) == f"host: {kind} (no); {remedy}"
    assert refused("host", SETTINGS, Try(kind=kind)) == f"host: {kind}; {remedy}"


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("connection refused", "start the server, or correct base_url"),
        ("malformed body", "check base_url, and that this server speaks this API"),
        ("HTTP 429", "ask less at once (concurrency), wait longer (timeout, retries, backoff), or correct base_url"),
    ],
)
def test_given_up(kind: str, remedy: str) -> None:
    met = Counter({"stall": 1, kind: 2})
    line = given_up("host", SETTINGS, met, Try(kind=kind, message="no"))
    assert line == f"host: no answer in 3 tries: stall, {kind} 2x (last: no); {remedy}"


def test_the_key() -> None:
    assert key_from({"SERVED_KEY": " k-1\n"}, "SERVED_KEY") == "k-1"
    assert key_from({"SERVED_KEY": "k-1"}, None) is None
    for value in ("two words", "schlüssel", "a\tb", "a\x00"):
        with pytest.raises(ConfigError, match="holds characters that no key has") as raised:
            key_from({"SERVED_KEY": value}, "SERVED_KEY")
        assert value not in str(raised.value)
