"""`stillhouse guard account ...`: what limits count and what decisions are about."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet
from stillhouse.cli.guard_changes import Clear, Reopen, changes
from stillhouse.cli.guard_lines import field_lines, joined, print_all, print_one
from stillhouse.cli.guard_options import CONFIG, Actor, Config, Id, Plan, Texts, option
from stillhouse.cli.guard_registry import actor_name, open_registry
from stillhouse.config import validate
from stillhouse.errors import ConfigError

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Account

__all__ = ["change", "close", "create", "list_", "show"]

_Registration = Annotated[Texts, option("--registration", "KEY=VALUE, like email_domain=x.org; may be repeated.")]


def create(
    id: Id,
    organisation: Annotated[str, typer.Option("--organisation", help="The organisation that it belongs to.")],
    plan: Plan = None,
    registration: _Registration = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create an account of an organisation."""
    with open_registry(config, quiet) as registry:
        from stillhouse.guard.access.entities import Account

        fields = _given(plan, registration)
        wanted = validate(Account, {"id": id, "organisation": organisation, **fields}, f"account '{id}'")
        print_one(registry.create_account(wanted, actor=actor_name(actor)), as_json, _line)


def list_(
    organisation: Annotated[str | None, option("--organisation", "Only accounts of this one.")] = None,
    config: Config = CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List accounts."""
    with open_registry(config, quiet) as registry:
        print_all(registry.accounts(organisation), as_json, _line, "no such account")


def show(id: Id, config: Config = CONFIG, quiet: Quiet = False, as_json: Json = False) -> None:
    """Show an account."""
    with open_registry(config, quiet) as registry:
        print_one(registry.account(id), as_json, field_lines)


def change(
    id: Id,
    organisation: Annotated[str | None, option("--organisation", "The organisation that it moves to.")] = None,
    plan: Plan = None,
    registration: _Registration = None,
    clear: Clear = None,
    reopen: Reopen = False,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change an account: what is given replaces what was there; of the registration, key by key."""
    with open_registry(config, quiet) as registry:
        from stillhouse.guard.access.entities import Account

        fields = _given(plan, registration)
        if "registration" in fields and "registration" not in (clear or []):
            fields["registration"] = registry.account(id).registration | fields["registration"]
        if organisation is not None:
            fields["organisation"] = organisation
        wanted = changes(Account, fields, clear, reopen)
        print_one(registry.change_account(id, wanted, actor=actor_name(actor)), as_json, field_lines)


def close(id: Id, config: Config = CONFIG, actor: Actor = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Close an account: nothing of it is served any more."""
    with open_registry(config, quiet) as registry:
        print_one(registry.close_account(id, actor=actor_name(actor)), as_json, _line)


def _given(plan: str | None, registration: Texts) -> dict[str, Any]:
    fields: dict[str, Any] = {} if plan is None else {"plan": plan}
    if registration:
        pairs = [text.partition("=") for text in registration]
        for key, equals, value in pairs:
            if not equals or not key:
                raise ConfigError(f"--registration: '{key or value}' is no KEY=VALUE; give one like payment=card")
        fields["registration"] = {key: value for key, _, value in pairs}
    return fields


def _line(value: "Account") -> str:
    plan = value.plan and f"plan {value.plan}"
    return joined(value.id, f"of {value.organisation}", plan, value.closed and "closed")
