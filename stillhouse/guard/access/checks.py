"""What must hold before anything is written about a customer. Each fault is one line that names whom it is about.

Inside of a gateway the same faults would show much later, as a rule that never fits or a customer on the wrong plan.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from stillhouse.config import Settings, validate
from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.access.address import check_ranges
from stillhouse.guard.access.countries import check_countries
from stillhouse.guard.access.entities import ACTIONS, VERDICTS, Account, Organisation
from stillhouse.guard.ledger.canonical import canonical_json
from stillhouse.guard.settings import GuardSettings
from stillhouse.records.exchange import REGISTERED

__all__ = [
    "changed",
    "check_account",
    "check_action",
    "check_because",
    "check_key",
    "check_moment",
    "check_name",
    "check_organisation",
    "check_review",
    "check_text",
    "is_name",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINK = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,2000}")
_LAST_MOMENT = 253_402_300_800.0  # the year 10000
_LONGEST_TEXT = 1000
_LONGEST_REGISTRATION = 16_384

S = TypeVar("S", bound=Settings)


def changed(value: S, changes: Mapping[str, Any], place: str) -> S:
    """`value` with some fields replaced; ConfigError for an unknown field, a value that does not fit, or the name."""
    if changes.get("id", getattr(value, "id", None)) != getattr(value, "id", None):
        raise ConfigError(f"{place}: its name cannot be changed; make another and close this one")
    return validate(type(value), {**value.model_dump(), **changes}, place)


def check_organisation(
    value: Organisation, before: Organisation | None, settings: GuardSettings | None
) -> Organisation:
    """The organisation with its country codes in capitals.

    Plan and models are looked up where settings are given, unless they are as before: whoever has a plan that is gone
    from guard.yaml can still be closed.
    """
    place = f"organisation '{value.id}'"
    check_text(value.name, f"{place}: name")
    check_ranges(value.ip_allow, f"{place}: ip_allow")
    check_ranges(value.ip_deny, f"{place}: ip_deny")
    if settings is not None:
        _check_plan(value.plan, None if before is None else before.plan, place, settings)
        if before is None or before.models != value.models:
            _check_known(value.models, [model.name for model in settings.models], "model", f"{place}: models")
    codes = {
        "countries_allow": check_countries(value.countries_allow, f"{place}: countries_allow"),
        "countries_deny": check_countries(value.countries_deny, f"{place}: countries_deny"),
    }
    return value.model_copy(update=codes)


def check_account(value: Account, before: Account | None, settings: GuardSettings | None) -> None:
    """As `check_organisation`; and the registration must be something that the exchange log can hold, and short."""
    place = f"account '{value.id}'"
    if settings is not None:
        _check_plan(value.plan, None if before is None else before.plan, place, settings)
    for name in REGISTERED:
        if not isinstance(found := value.registration.get(name), str | None):
            raise ConfigError(f"{place}: registration: {name} is {found!r}; it must be text")
    try:
        length = len(canonical_json(value.registration))
    except RecordError as error:
        raise ConfigError(f"{place}: registration: {error}") from None
    if length > _LONGEST_REGISTRATION:
        raise ConfigError(f"{place}: registration takes {length:,} bytes; give at most {_LONGEST_REGISTRATION:,}")


def check_key(id: str, expires: float | None, ip_allow: Sequence[str], now: float) -> None:
    check_ranges(ip_allow, f"key '{id}': ip_allow")
    check_moment(expires, now, f"key '{id}': expires")


def check_action(action: str, *, reason: str, until: float | None, link: str | None, now: float, place: str) -> None:
    if action not in ACTIONS:
        raise ConfigError(f"{place}: '{action}' is no action; give one of {', '.join(ACTIONS)}")
    check_text(reason, f"{place}: reason")
    check_moment(until, now, f"{place}: until")
    if link is not None and not _LINK.fullmatch(link):
        raise ConfigError(f"{place}: link {link[:60]!r} leads nowhere; give one like https://example.com/appeal")


def check_review(verdict: str, reason: str, place: str) -> None:
    """A person's word says why."""
    if verdict not in VERDICTS:
        raise ConfigError(f"{place}: '{verdict}' is no verdict; give one of {', '.join(VERDICTS)}")
    check_text(reason, f"{place}: reason")
    if not reason.strip():
        raise ConfigError(f"{place}: reason is empty; say in one line why it is {verdict}")


def check_because(because: Mapping[str, Any] | None, place: str) -> None:
    """Evidence must be something that the ledger can hold."""
    try:
        canonical_json(because)
    except RecordError as error:
        raise ConfigError(f"{place}: because: {error}") from None


def check_moment(moment: float | None, now: float, place: str) -> None:
    """None, or seconds since 1970 in the future."""
    if moment is not None and not now < moment < _LAST_MOMENT:
        when = "in the past" if moment <= now else "beyond the year 9999"
        raise ConfigError(f"{place} is {moment:.0f}, {when}; give seconds since 1970, now {now:.0f}")


def is_name(text: str) -> bool:
    """Whether an organisation, account or key can be named so: a question about another needs no database."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str, place: str) -> None:
    if not is_name(name):
        raise ConfigError(
            f"{place}: {name[:60]!r} cannot be a name; give up to 128 letters, digits and _.:@-, first a letter "
            "or a digit"
        )


def check_text(text: str, place: str) -> None:
    """One line for people."""
    if len(text) > _LONGEST_TEXT:
        raise ConfigError(f"{place} has {len(text):,} characters; at most {_LONGEST_TEXT:,}")
    if _CONTROL.search(text):
        raise ConfigError(f"{place} holds a line break or another control character; give one line of text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{place} holds half of a surrogate pair; give text that UTF-8 can hold") from None


def _check_plan(plan: str | None, before: str | None, place: str, settings: GuardSettings) -> None:
    if plan is not None and plan != before:
        _check_known([plan], list(settings.plans), "plan", f"{place}: plan")


def _check_known(names: Iterable[str], known: Sequence[str], what: str, place: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{place}: guard.yaml has no {what} '{name}'; known: {', '.join(known)}")
