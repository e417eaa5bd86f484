"""What `change` of a noun replaces: the options that were given, the fields to clear, and whether it is open again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhouse.cli.guard_options import Texts, option
from stillhouse.errors import ConfigError

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Account, Organisation

__all__ = ["Clear", "Reopen", "changes"]

Clear = Annotated[Texts, option("--clear", "A field to put back to its default, like ip_allow; may be repeated.")]
Reopen = Annotated[bool, typer.Option("--reopen", help="Serve it again after it was closed.")]


def changes(
    cls: "type[Organisation] | type[Account]", given: Mapping[str, Any], clear: Texts, reopen: bool
) -> dict[str, Any]:
    """By field; one that is cleared and given is given. ConfigError where nothing is left to be changed."""
    found = {**_cleared(cls, clear), **given, **({"closed": False} if reopen else {})}
    if not found:
        raise ConfigError("nothing is to be changed; give at least one option")
    return found


def _cleared(cls: "type[Organisation] | type[Account]", names: Texts) -> dict[str, Any]:
    found = {}
    for name in names or []:
        field = cls.model_fields.get(name)
        if field is None or field.is_required() or name == "closed":
            known = [one for one, info in cls.model_fields.items() if not info.is_required() and one != "closed"]
            raise ConfigError(f"--clear: '{name}' cannot be cleared; give one of {', '.join(known)}")
        found[name] = field.get_default(call_default_factory=True)
    return found
