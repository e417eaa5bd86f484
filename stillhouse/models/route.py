"""What an environment says of the way to an endpoint: a proxy, and which authorities are trusted.

The HTTP library would read the environment of the process for itself and show the key to a proxy that it names there.
Here the environment comes in, so that whoever calls decides what it says.
"""

import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from stillhouse.errors import ConfigError

__all__ = ["proxy_for", "trust_for"]


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` name for `url`; small letters win.

    ConfigError, without the value, which may hold a password, if it is no HTTP proxy.
    """
    said = {name: environ.get(name) or environ.get(name.upper(), "") for name in ("http_proxy", "https_proxy")}
    parts = urlsplit(url)
    every = environ.get("all_proxy") or environ.get("ALL_PROXY", "")
    proxy = said[f"{parts.scheme}_proxy"] or every
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY", "")
    if not proxy or _excepted(parts, excepted):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.isprintable() or urlsplit(proxy).scheme not in ("http", "https") or not urlsplit(proxy).hostname:
        raise ConfigError(
            f"environment variable '{parts.scheme}_proxy' or 'all_proxy' is no address of an HTTP proxy; "
            f"set it to one, like http://host:3128, or name '{parts.hostname}' in 'no_proxy'"
        )
    return proxy


def _excepted(parts: SplitResult, said: str) -> bool:
    """Whether the list `said` names the host, alone or with its port, a domain above it, or `*`."""
    entries = [entry.strip() for entry in said.lower().split(",") if entry.strip()]
    names = [entry.lstrip("*.").strip("[]") for entry in entries]
    host = parts.hostname or ""
    return "*" in entries or any(name in (host, parts.netloc) or host.endswith(f".{name}") for name in names)


def trust_for(url: str, environ: Mapping[str, str]) -> ssl.SSLContext | bool:
    """What the certificate of `url` is checked against: `SSL_CERT_FILE`, `SSL_CERT_DIR`, or the system's authorities.

    False for a plain address: reading the system's certificates takes 50 ms, and none is needed there.
    """
    if not url.startswith("https"):
        return False
    file, folder = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    if file is None and folder is None:
        return True
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:
        raise ConfigError(
            f"environment variable SSL_CERT_FILE ('{file or ''}') or SSL_CERT_DIR ('{folder or ''}') holds no "
            f"certificates ({error.strerror or error}); correct it or take it out"
        ) from None
