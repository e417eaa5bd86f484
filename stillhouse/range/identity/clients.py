"""The software that asks: user agent, TLS fingerprint, API, settings and system text belong together.

Names of harnesses and apps are invented; the libraries' user agents have the form that such libraries send.
"""

from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from stillhouse.range.identity.network import Place
from stillhouse.range.seeds import cumulative, hex_of, pick
from stillhouse.types import Api

__all__ = ["Software", "client_of", "library", "personal_software", "sampling"]


class Software(NamedTuple):
    """One program on one machine. `settings` are what it puts into each request beside the words."""

    user_agent: str
    harness: str | None
    api: Api
    settings: Mapping[str, Any]
    system: str = ""


class _Family(NamedTuple):
    share: float
    agent: str
    versions: tuple[str, ...]
    api: Api
    harness: str | None
    stream: bool
    system: str


_DESK = "You are a helpful assistant. Answer in the language of the question. Use Markdown where it helps."
_FAMILIES = (
    _Family(20, "DeskChat/{v} (Macintosh)", ("3.1.0", "3.2.1", "3.2.4"), "chat.completions", "deskchat", True, _DESK),
    _Family(
        14, "DeskChat/{v} (Windows NT 10.0)", ("3.1.0", "3.2.1", "3.2.4"), "chat.completions", "deskchat", True, _DESK
    ),
    _Family(12, "PocketChat/{v} (Android 15)", ("8.0", "8.1", "8.2", "8.3"), "responses", "pocketchat", True, ""),
    _Family(9, "PocketChat/{v} (iOS 18.5)", ("8.0", "8.1", "8.2", "8.3"), "responses", "pocketchat", True, ""),
    _Family(12, "openai-python/{v}", ("2.6.1", "2.8.0", "2.9.0", "3.0.2"), "chat.completions", None, False, ""),
    _Family(7, "openai-node/{v}", ("5.20.1", "6.2.0", "6.4.0"), "chat.completions", None, True, ""),
    _Family(8, "anthropic-python/{v}", ("0.84.0", "0.88.1", "2.0.0"), "messages", None, True, ""),
    _Family(
        6,
        "quill-vscode/{v}",
        ("1.40.2", "1.41.0", "1.42.1"),
        "messages",
        "quill",
        True,
        "You help in an editor. Be brief.",
    ),
    _Family(4, "python-httpx/{v}", ("0.27.2", "0.28.1"), "chat.completions", None, False, ""),
    _Family(3, "curl/{v}", ("8.7.1", "8.9.1", "8.12.0"), "chat.completions", None, False, ""),
    _Family(
        5, "ShellMate/{v}", ("0.9.4", "1.0.0"), "responses", "shellmate", True, "You answer in a terminal. No Markdown."
    ),
)
_FAMILY_SUMS = cumulative([family.share for family in _FAMILIES])
_LIMIT_KEY: dict[Api, str] = {"messages": "max_tokens", "responses": "max_output_tokens"}


def personal_software(rng: Random, role: str | None) -> Software:
    """What one person uses, with settings of his own; `role` is a system text that he chose himself."""
    family = pick(rng, _FAMILIES, _FAMILY_SUMS)
    chosen = sampling(
        family.api,
        temperature=rng.choice((None, None, None, 0.0, 0.2, 0.5, 0.7, 0.7, 1.0)),
        limit=rng.choice((None, None, 512, 1024, 2048, 4096)),
        stream=family.stream,
        top_p=rng.choice((None, None, None, None, 0.9, 0.95)),
    )
    agent = family.agent.format(v=rng.choice(family.versions))
    return Software(agent, family.harness, family.api, chosen, family.system if role is None else role)


def library(rng: Random, api: Api) -> Software:
    """A script with the usual library of `api`."""
    families = [family for family in _FAMILIES if family.api == api and family.harness is None] or [_FAMILIES[4]]
    family = rng.choice(families)
    return Software(family.agent.format(v=rng.choice(family.versions)), None, api, sampling(api))


def sampling(
    api: Api,
    *,
    temperature: float | None = None,
    limit: int | None = None,
    stream: bool = False,
    top_p: float | None = None,
) -> dict[str, Any]:
    """Settings under the names that `api` gives them; None is left out, except where the API needs a limit."""
    made: dict[str, Any] = {}
    if temperature is not None:
        made["temperature"] = temperature
    if top_p is not None:
        made["top_p"] = top_p
    if limit is None and api == "messages":
        limit = 1024
    if limit is not None:
        made[_LIMIT_KEY.get(api, "max_tokens")] = limit
    if stream:
        made["stream"] = True
    return made


def client_of(software: Software, place: Place) -> dict[str, Any]:
    """The `client` field of an exchange."""
    return {
        "ip": place.ip,
        "asn": place.asn,
        "country": place.country,
        "user_agent": software.user_agent,
        "ja4": _ja4(software.user_agent),
        "harness": software.harness,
    }


@lru_cache(maxsize=256)
def _ja4(user_agent: str) -> str:
    """The same for all machines with one library of one major version, as it comes from its TLS stack."""
    name, _, release = user_agent.partition("/")
    return f"t13d{hex_of('ja4', name, size=2)}h2_{hex_of('ja4', name, release.partition('.')[0])}"
