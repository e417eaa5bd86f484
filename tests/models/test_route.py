"""The way to an endpoint: proxies and authorities by the environment that was given, and by no other."""

import ssl
from pathlib import Path

import pytest

from stillhouse.errors import ConfigError
from stillhouse.models.route import proxy_for, trust_for


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "b:2"}, "http://b:2"),
        ({"http_proxy": "http://a:1"}, None),
        ({"ALL_PROXY": "http://a:1"}, "http://a:1"),
        ({"all_proxy": "http://a:1", "no_proxy": "localhost, host.org"}, None),
        ({"all_proxy": "http://a:1", "NO_PROXY": ".org"}, None),
        ({"all_proxy": "http://a:1", "no_proxy": "*"}, None),
        ({"all_proxy": "http://a:1", "no_proxy": "api.host.org:8443"}, None),
        ({"all_proxy": "http://a:1", "no_proxy": "st.org,"}, "http://a:1"),
    ],
)
def test_proxies(environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for("https://api.host.org:8443/v1", environ) == proxy


@pytest.mark.parametrize("value", ["socks5://u:secret@a:1", "http://", "http://secret\n"])
def test_what_is_no_proxy(value: str) -> None:
    with pytest.raises(ConfigError, match=r"'https_proxy' or 'all_proxy' is no address of an HTTP proxy") as raised:
        proxy_for("https://host/v1", {"all_proxy": value})
    assert "secret" not in str(raised.value) and "\n" not in str(raised.value)


def test_authorities(tmp_path: Path) -> None:
    assert trust_for("http://host/v1", {"SSL_CERT_FILE": "/nowhere"}) is False
    assert trust_for("https://host/v1", {}) is True
    assert isinstance(trust_for("https://host/v1", {"SSL_CERT_DIR": str(tmp_path)}), ssl.SSLContext)
    junk = tmp_path / "junk.pem"
    junk.write_text("none")
    for file in (tmp_path / "nowhere.pem", junk):
        with pytest.raises(
            ConfigError, match=r"^environment variable SSL_CERT_FILE \('.*\.pem'\) .*; correct it"
        ) as raised:
            trust_for("https://host/v1", {"SSL_CERT_FILE": str(file)})
        assert "\n" not in str(raised.value)
