"""What a change is about must be there: the row, or the fault that a caller has to tell apart (UnknownError)."""

from collections.abc import Sequence

from sqlalchemy import Connection

from stillhouse.guard.access.checks import is_name
from stillhouse.guard.access.entities import Account, Key, Organisation
from stillhouse.guard.access.faults import ConflictError, UnknownError
from stillhouse.guard.access.listing import account_in, key_in, organisation_in
from stillhouse.guard.access.rows import known_accounts

__all__ = ["check_existing_accounts", "check_open_account", "existing_account", "existing_key", "existing_organisation"]


def existing_organisation(connection: Connection, id: str) -> Organisation:
    found = organisation_in(connection, id) if is_name(id) else None
    if found is None:
        raise UnknownError(f"there is no organisation {_quoted(id)}; create it first")
    return found


def existing_account(connection: Connection, id: str) -> Account:
    found = account_in(connection, id) if is_name(id) else None
    if found is None:
        raise UnknownError(f"there is no account {_quoted(id)}; create it first")
    return found


def check_open_account(connection: Connection, id: str) -> None:
    if existing_account(connection, id).closed:
        raise ConflictError(f"account '{id}' is closed, so a key of it would not be served; open it first")


def existing_key(connection: Connection, id: str) -> Key:
    found = key_in(connection, id) if is_name(id) else None
    if found is None:
        raise UnknownError(f"there is no key {_quoted(id)}; give the name of a key, not its secret")
    return found


def check_existing_accounts(connection: Connection, ids: Sequence[str], place: str) -> None:
    known = known_accounts(connection, [id for id in ids if is_name(id)])
    unknown = [id for id in ids if id not in known]
    if unknown:
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise UnknownError(f"{place}: there is no account {_quoted(unknown[0])}{more}; nothing was changed")


def _quoted(id: str) -> str:
    """A name for a message. A secret that was given in the place of a name is not repeated."""
    return f"'{id}'" if is_name(id) and not id.startswith("sk-") else "of that name"
