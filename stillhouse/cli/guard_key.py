"""`stillhouse guard key ...`: secrets of accounts, each shown once and never kept."""

from typing import TYPE_CHECKING, Annotated

import typer

from stillhouse.cli.common import Json, Quiet, console_for, print_result
from stillhouse.cli.guard_lines import joined, print_all, print_one, record
from stillhouse.cli.guard_options import CONFIG, Actor, Config, Id, IpAllow, Reason, option
from stillhouse.cli.guard_registry import actor_name, open_registry
from stillhouse.cli.guard_times import moment, seconds, shown

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Key
    from stillhouse.guard.access.registry import NewKey

__all__ = ["create", "list_", "revoke", "rotate"]

_Expires = Annotated[str | None, option("--expires", "When it ends: 90d, 12h, or a time like 2027-01-31T12:00Z.")]


def create(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account that it is for.")],
    id: Annotated[str | None, option("--id", "A name for it; without one it gets one.")] = None,
    expires: _Expires = None,
    ip_allow: IpAllow = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create a key of an account, and print it: this once, and nowhere else."""
    with open_registry(config, quiet) as registry:
        end = moment(expires, "--expires")
        made = registry.create_key(account, key_id=id, expires=end, ip_allow=ip_allow or (), actor=actor_name(actor))
        _print_secret(made, as_json, quiet)


def rotate(
    id: Id,
    overlap: Annotated[str, typer.Option("--overlap", help="How long the old one stays valid: 24h, 7d.")] = "0s",
    expires: _Expires = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Create a key in the place of another, and print it: this once, and nowhere else."""
    with open_registry(config, quiet) as registry:
        length, end = seconds(overlap, "--overlap"), moment(expires, "--expires")
        made = registry.rotate_key(id, overlap_seconds=length, expires=end, actor=actor_name(actor))
        _print_secret(made, as_json, quiet)


def revoke(
    id: Id,
    reason: Reason = "",
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Revoke a key, at once and for good."""
    with open_registry(config, quiet) as registry:
        print_one(registry.revoke_key(id, reason=reason, actor=actor_name(actor)), as_json, _line)


def list_(
    account: Annotated[str | None, option("--account", "Only keys of this one.")] = None,
    config: Config = CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List keys, by their names and last characters."""
    with open_registry(config, quiet) as registry:
        print_all(registry.keys(account), as_json, _line, "no such key")


def _print_secret(made: "NewKey", as_json: bool, quiet: bool) -> None:
    """The secret alone on standard output, so that it can go straight to where it is kept."""
    console_for(quiet).print(
        f"key {made.key.id} of account {made.key.account}: keep it now, it is not shown again", markup=False
    )
    print_result({"secret": made.secret, "key": record(made.key)}, as_json, made.secret)


def _line(value: "Key") -> str:
    expires = value.expires and f"expires {shown(value.expires)}"
    revoked = value.revoked and f"revoked {shown(value.revoked)}"
    return joined(value.id, f"of {value.account}", f"ends in {value.hint}", shown(value.created), revoked or expires)
