"""`stillhouse guard organisation|account|key|action ...`: who may ask, and what is in force against them.

They work on the database of guard.yaml; no gateway has to run, and those that do see a change within `refresh_seconds`.
"""

import os
import pwd
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result
from stillhouse.config import load, validate
from stillhouse.errors import ConfigError, StorageError
from stillhouse.yaml_text import parse_yaml

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation
    from stillhouse.guard.access.registry import NewKey, Registry
    from stillhouse.guard.settings import GuardSettings

__all__ = [
    "account_change",
    "account_close",
    "account_create",
    "account_list",
    "account_show",
    "action_list",
    "action_restore",
    "action_set",
    "key_create",
    "key_list",
    "key_revoke",
    "key_rotate",
    "organisation_change",
    "organisation_close",
    "organisation_create",
    "organisation_list",
    "organisation_show",
]

Config = Annotated[Path, typer.Option("--config", help="YAML file; every key is in docs/guard.md.")]
Actor = Annotated[
    str | None,
    typer.Option("--actor", help="Who does it, for the ledger; default: who is logged in.", show_default=False),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; on an action it is what the client is told.")]
_Plan = Annotated[str | None, typer.Option("--plan", help="A plan of guard.yaml.", show_default=False)]
_Texts = list[str] | None
_CONFIG = Path("guard.yaml")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _option(name: str, text: str) -> Any:
    return typer.Option(name, help=text, show_default=False)


Name = Annotated[str | None, _option("--name", "For people.")]
Models = Annotated[_Texts, _option("--model", "The only model that it may ask for; may be repeated.")]
CountriesAllow = Annotated[_Texts, _option("--country-allow", "The only client country, like DE; may be repeated.")]
CountriesDeny = Annotated[_Texts, _option("--country-deny", "A client country that is refused; may be repeated.")]
IpAllow = Annotated[_Texts, _option("--ip-allow", "The only client address or range; may be repeated.")]
IpDeny = Annotated[_Texts, _option("--ip-deny", "A client address or range that is refused; may be repeated.")]
Registration = Annotated[_Texts, _option("--registration", "KEY=VALUE, like email_domain=x.org; may be repeated.")]
Clear = Annotated[_Texts, _option("--clear", "A field to put back to its default, like ip_allow; may be repeated.")]
Reopen = Annotated[bool, typer.Option("--reopen", help="Serve it again after it was closed.")]
Expires = Annotated[str | None, _option("--expires", "When it ends: 90d, 12h, or a time like 2027-01-31T12:00Z.")]
Until = Annotated[str | None, _option("--until", "When it ends: 7d, 12h, or a time like 2027-01-31T12:00Z.")]


def organisation_create(
    id: Id,
    name: Name = None,
    plan: _Plan = None,
    model: Models = None,
    country_allow: CountriesAllow = None,
    country_deny: CountriesDeny = None,
    ip_allow: IpAllow = None,
    ip_deny: IpDeny = None,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create an organisation."""
    with _registry(config) as registry:
        from stillhouse.guard.access.entities import Organisation

        fields = _organisation_fields(name, plan, model, country_allow, country_deny, ip_allow, ip_deny)
        wanted = validate(Organisation, {"id": id, **fields}, f"organisation '{id}'")
        _print_one(registry.create_organisation(wanted, actor=_actor(actor)), as_json, _organisation_line)


def organisation_list(config: Config = _CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """List organisations."""
    with _registry(config) as registry:
        _print_all(registry.organisations(), as_json, _organisation_line, "no organisation yet")


def organisation_show(id: Id, config: Config = _CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """Show an organisation."""
    with _registry(config) as registry:
        _print_one(registry.organisation(id), as_json, _fields)


def organisation_change(
    id: Id,
    name: Name = None,
    plan: _Plan = None,
    model: Models = None,
    country_allow: CountriesAllow = None,
    country_deny: CountriesDeny = None,
    ip_allow: IpAllow = None,
    ip_deny: IpDeny = None,
    clear: Clear = None,
    reopen: Reopen = False,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change an organisation: what is given replaces what was there."""
    with _registry(config) as registry:
        from stillhouse.guard.access.entities import Organisation

        fields = _organisation_fields(name, plan, model, country_allow, country_deny, ip_allow, ip_deny)
        changes = _cleared(Organisation, clear) | fields | ({"closed": False} if reopen else {})
        _print_one(registry.change_organisation(id, _some(changes), actor=_actor(actor)), as_json, _fields)


def organisation_close(
    id: Id, config: Config = _CONFIG, actor: Actor = None, quiet: Quiet = False, as_json: Json = False
) -> None:
    """Close an organisation: nothing of it is served any more."""
    with _registry(config) as registry:
        _print_one(registry.close_organisation(id, actor=_actor(actor)), as_json, _organisation_line)


def account_create(
    id: Id,
    organisation: Annotated[str, typer.Option("--organisation", help="The organisation that it belongs to.")],
    plan: _Plan = None,
    registration: Registration = None,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create an account of an organisation."""
    with _registry(config) as registry:
        from stillhouse.guard.access.entities import Account

        fields = _account_fields(plan, registration)
        wanted = validate(Account, {"id": id, "organisation": organisation, **fields}, f"account '{id}'")
        _print_one(registry.create_account(wanted, actor=_actor(actor)), as_json, _account_line)


def account_list(
    organisation: Annotated[str | None, _option("--organisation", "Only accounts of this one.")] = None,
    config: Config = _CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List accounts."""
    with _registry(config) as registry:
        _print_all(registry.accounts(organisation), as_json, _account_line, "no such account")


def account_show(id: Id, config: Config = _CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """Show an account."""
    with _registry(config) as registry:
        _print_one(registry.account(id), as_json, _fields)


def account_change(
    id: Id,
    organisation: Annotated[str | None, _option("--organisation", "The organisation that it moves to.")] = None,
    plan: _Plan = None,
    registration: Registration = None,
    clear: Clear = None,
    reopen: Reopen = False,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change an account: what is given replaces what was there; of the registration, key by key."""
    with _registry(config) as registry:
        from stillhouse.guard.access.entities import Account

        fields = _account_fields(plan, registration)
        if "registration" in fields and "registration" not in (clear or []):
            fields["registration"] = registry.account(id).registration | fields["registration"]
        changes = _cleared(Account, clear) | fields | ({"closed": False} if reopen else {})
        changes |= {} if organisation is None else {"organisation": organisation}
        _print_one(registry.change_account(id, _some(changes), actor=_actor(actor)), as_json, _fields)


def account_close(
    id: Id, config: Config = _CONFIG, actor: Actor = None, quiet: Quiet = False, as_json: Json = False
) -> None:
    """Close an account: nothing of it is served any more."""
    with _registry(config) as registry:
        _print_one(registry.close_account(id, actor=_actor(actor)), as_json, _account_line)


def key_create(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account that it is for.")],
    id: Annotated[str | None, _option("--id", "A name for it; without one it gets one.")] = None,
    expires: Expires = None,
    ip_allow: IpAllow = None,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create a key of an account, and print it: this once, and nowhere else."""
    with _registry(config) as registry:
        end = _moment(expires, "--expires")
        made = registry.create_key(account, key_id=id, expires=end, ip_allow=ip_allow or (), actor=_actor(actor))
        _print_secret(made, as_json, quiet)


def key_rotate(
    id: Id,
    overlap: Annotated[str, typer.Option("--overlap", help="How long the old one stays valid: 24h, 7d.")] = "0s",
    expires: Expires = None,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create a key in the place of another, and print it: this once, and nowhere else."""
    with _registry(config) as registry:
        seconds, end = _seconds(overlap, "--overlap"), _moment(expires, "--expires")
        made = registry.rotate_key(id, overlap_seconds=seconds, expires=end, actor=_actor(actor))
        _print_secret(made, as_json, quiet)


def key_revoke(
    id: Id,
    reason: Reason = "",
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Revoke a key, at once and for good."""
    with _registry(config) as registry:
        _print_one(registry.revoke_key(id, reason=reason, actor=_actor(actor)), as_json, _key_line)


def key_list(
    account: Annotated[str | None, _option("--account", "Only keys of this one.")] = None,
    config: Config = _CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List keys, by their names and last characters."""
    with _registry(config) as registry:
        _print_all(registry.keys(account), as_json, _key_line, "no such key")


def action_set(
    action: Annotated[str, typer.Argument(help="observe, slow, strip, verify, suspend or remove.")],
    accounts: Annotated[_Texts, typer.Argument(metavar="[ACCOUNT]...", help="Whom it is about.")] = None,
    campaign: Annotated[
        str | None, _option("--campaign", "A name for all of these accounts, for one decision about them.")
    ] = None,
    accounts_from: Annotated[
        Path | None, _option("--accounts-from", "A file with further accounts, one a line; - is standard input.")
    ] = None,
    reason: Reason = "",
    until: Until = None,
    link: Annotated[str | None, _option("--link", "Where a person verifies or appeals.")] = None,
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Put an account, or a campaign of accounts, under an action."""
    with _registry(config) as registry:
        about = [*(accounts or []), *([] if accounts_from is None else _lines(accounts_from))]
        named, end = _action(action), _moment(until, "--until")
        if campaign is None:
            if len(about) != 1:
                raise ConfigError(f"{len(about)} accounts are named; name one, or give --campaign NAME for several")
            one = registry.set_action(about[0], named, reason=reason, until=end, link=link, actor=_actor(actor))
            _print_all([one], as_json, _action_line, "")
            return
        done = registry.set_campaign_action(
            campaign, about, named, reason=reason, until=end, link=link, actor=_actor(actor)
        )
        if done.stronger:
            console_for(quiet).print(
                f"under a stronger action of another decision: {len(done.stronger):,} account(s), left as they are",
                markup=False,
            )
        _print_all(done.actions, as_json, _action_line, "every account is under a stronger action")


def action_list(
    campaign: Annotated[str | None, _option("--campaign", "Only accounts of this one.")] = None,
    config: Config = _CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List what is in force on accounts."""
    with _registry(config) as registry:
        _print_all(registry.actions(campaign), as_json, _action_line, "nothing is in force")


def action_restore(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Whom it is about.")] = None,
    campaign: Annotated[str | None, _option("--campaign", "Every account that is under this one.")] = None,
    reason: Reason = "",
    config: Config = _CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """End what an account, or every account of a campaign, is under."""
    with _registry(config) as registry:
        if (account is None) == (campaign is None):
            raise ConfigError("name either an account, or a campaign with --campaign")
        if campaign is not None:
            ended = registry.restore_campaign(campaign, reason=reason, actor=_actor(actor))
        else:
            assert account is not None
            one = registry.restore(account, reason=reason, actor=_actor(actor))
            ended = [] if one is None else [one]
        _print_all(ended, as_json, lambda was: f"{was.account}  {was.action} ended", "nothing was in force")


@contextmanager
def _registry(config: Path) -> "Iterator[Registry]":
    """The registry of a guard.yaml, closed at the end; faults as one line."""
    with one_line_errors():
        from sqlalchemy.exc import SQLAlchemyError

        from stillhouse.guard.state.database import database_fault, shown
        from stillhouse.guard.state.open import open_state

        with open_state(_settings(config), config.resolve().parent, os.environ) as state:
            try:
                yield state.registry
            except SQLAlchemyError as error:
                raise StorageError(f"database: {shown(state.engine)}: {database_fault(error)}") from None


def _settings(config: Path) -> "GuardSettings":
    """The settings; of a file with a fault elsewhere only where the state lies: a decision must still be possible."""
    from stillhouse.guard.settings import GuardSettings

    try:
        return load(GuardSettings, config)
    except ConfigError as fault:
        data = parse_yaml(config.read_text(encoding="utf-8")) if config.is_file() else None
        if not isinstance(data, dict):
            raise
        kept = {name: data[name] for name in ("state", "ledger", "upstreams", "models") if name in data}
        plans = data.get("plans")
        named: dict[str, Any] = {name: {} for name in plans} if isinstance(plans, dict) else {}
        settings = validate(GuardSettings, {**kept, "plans": {"default": {}, **named}}, str(config))
        console_for(False).print(f"{fault}; going on with its sections state and ledger", markup=False, highlight=False)
        return settings


def _user() -> str:
    """The name of the process's user, by the system and not by the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _actor(given: str | None) -> str:
    """Who is logged in, also behind sudo."""
    from stillhouse.guard.access.checks import check_text

    actor = given or os.environ.get("SUDO_USER") or _user()
    check_text(actor, "--actor")
    return actor


def _organisation_fields(
    name: str | None,
    plan: str | None,
    models: _Texts,
    countries_allow: _Texts,
    countries_deny: _Texts,
    ip_allow: _Texts,
    ip_deny: _Texts,
) -> dict[str, Any]:
    given = {
        "name": name,
        "plan": plan,
        "models": models,
        "countries_allow": countries_allow,
        "countries_deny": countries_deny,
        "ip_allow": ip_allow,
        "ip_deny": ip_deny,
    }
    # An option that is not given is None, or no values at all where it could be repeated.
    return {field: value for field, value in given.items() if value is not None and value != []}


def _account_fields(plan: str | None, registration: _Texts) -> dict[str, Any]:
    fields: dict[str, Any] = {} if plan is None else {"plan": plan}
    if registration:
        pairs = [text.partition("=") for text in registration]
        for key, equals, value in pairs:
            if not equals or not key:
                raise ConfigError(f"--registration: '{key or value}' is no KEY=VALUE; give one like payment=card")
        fields["registration"] = {key: value for key, _, value in pairs}
    return fields


def _cleared(cls: "type[Organisation] | type[Account]", names: _Texts) -> dict[str, Any]:
    changes = {}
    for name in names or []:
        field = cls.model_fields.get(name)
        if field is None or field.is_required() or name == "closed":
            known = [one for one, info in cls.model_fields.items() if not info.is_required() and one != "closed"]
            raise ConfigError(f"--clear: '{name}' cannot be cleared; give one of {', '.join(known)}")
        changes[name] = field.get_default(call_default_factory=True)
    return changes


def _some(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    if not changes:
        raise ConfigError("nothing is to be changed; give at least one option")
    return changes


def _action(text: str) -> Any:
    from stillhouse.guard.access.entities import ACTIONS

    if text not in ACTIONS:
        raise ConfigError(f"'{text}' is no action; give one of {', '.join(ACTIONS)}")
    return text


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--accounts-from: {path} cannot be read ({error}); give a text file") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _seconds(text: str, place: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw])", text, re.ASCII)
    if found is None:
        raise ConfigError(f"{place}: '{text}' is no length of time; give one like 90s, 30m, 12h, 7d or 2w")
    return float(found[1]) * _UNITS[found[2]]


def _moment(text: str | None, place: str) -> float | None:
    """Seconds since 1970 of a length of time from now, or of an ISO 8601 time (UTC where it names no zone)."""
    if text is None:
        return None
    if re.fullmatch(r"[\d.]+[a-z]", text, re.ASCII):
        return time.time() + _seconds(text, place)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(f"{place}: '{text}' is no time; give one like 90d, 12h or 2027-01-31T12:00Z") from None


def _print_secret(made: "NewKey", as_json: bool, quiet: bool) -> None:
    """The secret alone on standard output, so that it can go straight to where it is kept."""
    console_for(quiet).print(
        f"key {made.key.id} of account {made.key.account}: keep it now, it is not shown again", markup=False
    )
    print_result({"secret": made.secret, "key": _record(made.key)}, as_json, made.secret)


def _print_one(value: Any, as_json: bool, line: Callable[[Any], str]) -> None:
    print_result(_record(value), as_json, line(value))


def _print_all(values: Sequence[Any], as_json: bool, line: Callable[[Any], str], none: str) -> None:
    print_result([_record(value) for value in values], as_json, "\n".join(map(line, values)) or none)


def _record(value: "Organisation | Account | Key | ActionInForce") -> dict[str, Any]:
    return value.model_dump(mode="json", exclude={"digest"})


def _fields(value: "Organisation | Account") -> str:
    shown = {
        name: ", ".join(map(str, field)) if isinstance(field, list) else field for name, field in _record(value).items()
    }
    width = max(map(len, shown))
    return "\n".join(f"{name:<{width}}  {'' if field is None else field}".rstrip() for name, field in shown.items())


def _organisation_line(value: "Organisation") -> str:
    return _joined(value.id, value.name, value.plan and f"plan {value.plan}", value.closed and "closed")


def _account_line(value: "Account") -> str:
    plan = value.plan and f"plan {value.plan}"
    return _joined(value.id, f"of {value.organisation}", plan, value.closed and "closed")


def _key_line(value: "Key") -> str:
    expires = value.expires and f"expires {_time(value.expires)}"
    revoked = value.revoked and f"revoked {_time(value.revoked)}"
    return _joined(value.id, f"of {value.account}", f"ends in {value.hint}", _time(value.created), revoked or expires)


def _action_line(value: "ActionInForce") -> str:
    until = value.until and f"until {_time(value.until)}"
    campaign = value.campaign and f"campaign {value.campaign}"
    return _joined(value.account, value.action, f"since {_time(value.since)}", until, campaign, value.reason)


def _joined(*parts: object) -> str:
    return "  ".join(str(part) for part in parts if part)


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
