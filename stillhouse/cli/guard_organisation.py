"""`stillhouse guard organisation ...`: whoever signed the contract."""

from typing import TYPE_CHECKING, Annotated, Any

from stillhouse.cli.common import Json, Quiet
from stillhouse.cli.guard_changes import Clear, Reopen, changes
from stillhouse.cli.guard_lines import field_lines, joined, print_all, print_one
from stillhouse.cli.guard_options import CONFIG, Actor, Config, Id, IpAllow, Plan, Texts, option
from stillhouse.cli.guard_registry import actor_name, open_registry
from stillhouse.config import validate

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Organisation

__all__ = ["change", "close", "create", "list_", "show"]

_Name = Annotated[str | None, option("--name", "For people.")]
_Models = Annotated[Texts, option("--model", "The only model that it may ask for; may be repeated.")]
_CountriesAllow = Annotated[Texts, option("--country-allow", "The only client country, like DE; may be repeated.")]
_CountriesDeny = Annotated[Texts, option("--country-deny", "A client country that is refused; may be repeated.")]
_IpDeny = Annotated[Texts, option("--ip-deny", "A client address or range that is refused; may be repeated.")]


def create(
    id: Id,
    name: _Name = None,
    plan: Plan = None,
    model: _Models = None,
    country_allow: _CountriesAllow = None,
    country_deny: _CountriesDeny = None,
    ip_allow: IpAllow = None,
    ip_deny: _IpDeny = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create an organisation."""
    with open_registry(config, quiet) as registry:
        from stillhouse.guard.access.entities import Organisation

        fields = _given(name, plan, model, country_allow, country_deny, ip_allow, ip_deny)
        wanted = validate(Organisation, {"id": id, **fields}, f"organisation '{id}'")
        print_one(registry.create_organisation(wanted, actor=actor_name(actor)), as_json, _line)


def list_(config: Config = CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """List organisations."""
    with open_registry(config, quiet) as registry:
        print_all(registry.organisations(), as_json, _line, "no organisation yet")


def show(id: Id, config: Config = CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """Show an organisation."""
    with open_registry(config, quiet) as registry:
        print_one(registry.organisation(id), as_json, field_lines)


def change(
    id: Id,
    name: _Name = None,
    plan: Plan = None,
    model: _Models = None,
    country_allow: _CountriesAllow = None,
    country_deny: _CountriesDeny = None,
    ip_allow: IpAllow = None,
    ip_deny: _IpDeny = None,
    clear: Clear = None,
    reopen: Reopen = False,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change an organisation: what is given replaces what was there."""
    with open_registry(config, quiet) as registry:
        from stillhouse.guard.access.entities import Organisation

        fields = _given(name, plan, model, country_allow, country_deny, ip_allow, ip_deny)
        wanted = changes(Organisation, fields, clear, reopen)
        print_one(registry.change_organisation(id, wanted, actor=actor_name(actor)), as_json, field_lines)


def close(id: Id, config: Config = CONFIG, actor: Actor = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Close an organisation: nothing of it is served any more."""
    with open_registry(config, quiet) as registry:
        print_one(registry.close_organisation(id, actor=actor_name(actor)), as_json, _line)


def _given(
    name: str | None,
    plan: str | None,
    models: Texts,
    countries_allow: Texts,
    countries_deny: Texts,
    ip_allow: Texts,
    ip_deny: Texts,
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


def _line(value: "Organisation") -> str:
    return joined(value.id, value.name, value.plan and f"plan {value.plan}", value.closed and "closed")
