"""Values as rows and back: nothing is lost, defaults are not stored, bad rows are named."""

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.access.documents import (
    RESTORED,
    account_of,
    action_of,
    document_of,
    key_of,
    organisation_of,
)
from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation

ORGANISATION = Organisation(id="acme", name="Ünïcode\nGmbH", plan="pro", countries_deny=("KP",), ip_allow=("::1",))
ACCOUNT = Account(id="a", organisation="acme", registration={"created": "2026-01-01", "score": 0.1, "seen": [1, None]})
KEY = Key(id="k", account="a", digest=bytes(32), hint="wxyz", created=1.5, expires=2.5, ip_allow=("10.0.0.0/8",))
ACTION = ActionInForce(account="a", action="slow", campaign="c", reason="too fast", since=1.0, until=2.0)


def test_nothing_is_lost() -> None:
    assert organisation_of("acme", document_of(ORGANISATION, "id")) == ORGANISATION
    assert account_of("a", "acme", document_of(ACCOUNT, "id", "organisation")) == ACCOUNT
    assert key_of("k", "a", bytes(32), document_of(KEY, "id", "account", "digest")) == KEY
    assert action_of("a", document_of(ACTION, "account")) == ACTION
    assert action_of("a", RESTORED) is None


def test_defaults_are_left_out_and_all_is_ascii_in_one_line() -> None:
    assert document_of(Account(id="a", organisation="acme"), "id", "organisation") == "{}"
    document = document_of(ORGANISATION, "id")
    assert document.isascii() and "\n" not in document and "closed" not in document


@pytest.mark.parametrize(
    "document", ["", "{", "[]", "null", '{"plan": 7}', '{"of_the_future": 1}', '{"id": "b", "x": 1}']
)
def test_a_bad_row_is_named(document: str) -> None:
    with pytest.raises(
        RecordError, match=r"^account 'a': its row in the database cannot be read; it was written by a new"
    ):
        account_of("a", "acme", document)


def test_columns_win_over_the_document() -> None:
    assert organisation_of("acme", '{"id": "other"}').id == "acme"
