"""How commands print what the registry has: a line each, a field a line, or JSON; a key's digest in none of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from stillhouse.cli.common import print_result
from stillhouse.printable import printable

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation, Proposal

__all__ = ["field_lines", "joined", "print_all", "print_one", "record"]

V = TypeVar("V", bound="Organisation | Account | Key | ActionInForce | Proposal")


def print_one(value: V, as_json: bool, line: Callable[[V], str]) -> None:
    print_result(record(value), as_json, line(value))


def print_all(values: Sequence[V], as_json: bool, line: Callable[[V], str], none: str) -> None:
    """`none` is what is printed in the place of no lines."""
    print_result([record(value) for value in values], as_json, "\n".join(map(line, values)) or none)


def record(value: "Organisation | Account | Key | ActionInForce | Proposal") -> dict[str, Any]:
    return value.model_dump(mode="json", exclude={"digest"})


def field_lines(value: "Organisation | Account") -> str:
    """All that there is about it."""
    shown = {
        name: ", ".join(map(str, field)) if isinstance(field, list) else field for name, field in record(value).items()
    }
    width = max(map(len, shown))
    return "\n".join(f"{name:<{width}}  {'' if field is None else field}".rstrip() for name, field in shown.items())


def joined(*parts: object) -> str:
    """One line of those that are not empty, whatever they hold."""
    return "  ".join(printable(str(part)) for part in parts if part)
