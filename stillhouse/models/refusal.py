"""The one line that a user gets when an endpoint does not give what was asked: who, what, which key, what to do."""

from collections.abc import Mapping

from stillhouse.errors import ConfigError
from stillhouse.models.connection import CERTIFICATE, FAILED, MALFORMED, NO_CONNECTION, QUOTA, REFUSED, Try, status_kind
from stillhouse.models.endpoint import ConnectionSettings

__all__ = ["forbidden", "given_up", "key_from", "refused", "waits_too_long"]


def key_from(environ: Mapping[str, str], variable: str | None) -> str | None:
    """The key that `variable` holds; None if none is asked for. ConfigError, without the value, if it cannot be one."""
    if variable is None:
        return None
    key = environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"environment variable '{variable}' (key_env) is not set; export it with the key, or take key_env out"
        )
    if not all("!" <= character <= "~" for character in key):
        raise ConfigError(
            f"environment variable '{variable}' (key_env) holds characters that no key has; set it to the key alone"
        )
    return key


def refused(name: str, settings: ConnectionSettings, tried: Try) -> str:
    """An answer that would be the same if asked again."""
    return f"{_met(name, tried)}; {_remedy(settings, tried)}"


def forbidden(name: str, tried: Try) -> str:
    """The endpoint does not answer this question to a key that it gives answers."""
    return f"{_met(name, tried)}; other questions were answered with the same key, so change this one or leave it out"


def waits_too_long(name: str, settings: ConnectionSettings, seconds: float) -> str:
    """The endpoint asks for a pause that is longer than what was allowed."""
    return (
        f"{name}: asks to wait {seconds:,.0f} s, and longest_wait is {settings.longest_wait:,.0f} s; "
        "come back then or raise longest_wait; every answer so far is kept"
    )


def given_up(name: str, settings: ConnectionSettings, kinds: Mapping[str, int], last: Try) -> str:
    """Every try failed for a reason that could have passed."""
    met = ", ".join(f"{kind} {count}x" if count > 1 else kind for kind, count in kinds.items())
    told = f" (last: {last.message})" if last.message else ""
    return f"{name}: no answer in {sum(kinds.values())} tries: {met}{told}; {_remedy(settings, last)}"


def _met(name: str, tried: Try) -> str:
    return f"{name}: {tried.kind} ({tried.message})" if tried.message else f"{name}: {tried.kind}"


def _remedy(settings: ConnectionSettings, tried: Try) -> str:
    kind = tried.kind
    if kind in (status_kind(401), status_kind(403)):
        if settings.key_env is None:
            return "no key was sent: put the name of the variable that holds one under key_env"
        return f"the key came from the environment variable '{settings.key_env}': set it to one that may use this model"
    if kind in (status_kind(402), QUOTA):
        return "pay the account up; every answer so far is kept"
    if kind in (status_kind(404), status_kind(405), status_kind(501), status_kind(505)):
        models = f"GET {settings.base_url}/models lists them"
        return f"check the model's name ({models}), base_url with its version, and its API"
    if kind.startswith("HTTP 3"):
        return "give the address that it points to as base_url"
    if kind.startswith("HTTP 4") and kind not in (status_kind(408), status_kind(429)):
        return "change the request, or take a field out that this endpoint does not know (extra: {field: null})"
    if kind in (REFUSED, NO_CONNECTION):
        return "start the server, or correct base_url"
    if kind == CERTIFICATE:
        return "set SSL_CERT_FILE to the authority that signed its certificate"
    if kind == FAILED:
        return "change the question, or ask it again later"
    if kind == MALFORMED:
        return "check base_url, and that this server speaks this API"
    return "ask less at once (concurrency), wait longer (timeout, retries, backoff), or correct base_url"
