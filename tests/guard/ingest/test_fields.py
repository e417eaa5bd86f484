"""Places of fields: defaults, overrides, text for all rows; and what a field may be."""

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ingest.fields import Fields, View

PLACES: dict[str, tuple[str, ...]] = {"account": ("user.id", "api_key"), "tokens": ("usage.tokens",), "time": ("t",)}


def view(row: dict[str, object], **changes: str) -> View:
    return Fields(PLACES, changes).view("log:1", row)


def test_a_key_with_dots_comes_before_the_way_down() -> None:
    assert view({"user.id": "a", "user": {"id": "b"}}).text("account") == "a"
    assert view({"user": {"id": "b"}}).text("account") == "b"


def test_places_are_tried_in_order_and_empty_ones_are_absent() -> None:
    assert view({"user": {"id": ""}, "api_key": "k"}).text("account") == "k"
    assert view({"user": "no object", "api_key": "k"}).text("account") == "k"
    assert view({}).text("account") is None
    assert Fields(PLACES).view("log:1", {"user.id": "-", "api_key": "k"}, absent=("", "-")).text("account") == "k"


def test_a_place_is_looked_for_in_all_layers_before_the_next_one() -> None:
    found = Fields(PLACES).view("log:1", {"api_key": "k"}, {"user.id": "a"})
    assert found.text("account") == "a"


def test_a_change_replaces_all_places_and_may_be_a_text() -> None:
    row: dict[str, object] = {"user.id": "a", "team": {"name": 7}}
    assert view(row, account="team.name").text("account") == "7"
    assert view(row, account="nowhere").text("account") is None
    assert view(row, account="=acct=1").text("account") == "acct=1"


@pytest.mark.parametrize("found", [1.5, True, ["a"], {"a": 1}, 1e23])
def test_an_account_is_text_or_a_whole_number(found: object) -> None:
    with pytest.raises(RecordError, match=r"^log:1: field 'user.id' is .*; it must be text or a whole number$"):
        view({"user.id": found}).text("account")


@pytest.mark.parametrize(
    ("found", "count"),
    [(0, 0), (31, 31), (31.0, 31), ("31", 31), (2**53, 2**53), ("0007", 7), (None, None), ("", None)],
)
def test_counts_in_every_spelling(found: object, count: int | None) -> None:
    assert view({"usage": {"tokens": found}}).count("tokens") == count


@pytest.mark.parametrize("found", [-1, 1.5, True, "31.0", "-1", "x", 2**53 + 1, 1e30, "9" * 17, "9" * 5000, "٣", [1]])
def test_what_is_no_count_is_a_fault(found: object) -> None:
    with pytest.raises(RecordError, match=r"field 'usage.tokens' is .*; it must be a whole number"):
        view({"usage": {"tokens": found}}).count("tokens")


def test_faults_are_one_short_line() -> None:
    with pytest.raises(RecordError) as caught:
        view({"t": "x" * 500}).ms("time")
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_what_is_needed_and_absent_names_the_places() -> None:
    with pytest.raises(RecordError, match=r"^log:1: no account \(looked for user.id or api_key\); say it$"):
        view({}).need("account", "say it")
    with pytest.raises(RecordError, match=r"^log:1: no time \(looked for t\); name the field with --field time=NAME$"):
        view({}).need_ms("time")


@pytest.mark.parametrize(
    ("ours", "theirs", "line"),
    [
        ("acount", "x", "field 'acount': is none of this source; did you mean 'account'?"),
        ("zzz", "x", "field 'zzz': is none of this source; there are account, time, tokens"),
        ("account", "", "field 'account': no place is given for it; write account=THEIRS, or account==TEXT"),
        ("account", "=", "field 'account': no place is given for it; write account=THEIRS, or account==TEXT"),
        ("account", "=\udcff", "field 'account': no place is given for it; write account=THEIRS, or account==TEXT"),
    ],
)
def test_changes_that_cannot_be_meant(ours: str, theirs: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Fields(PLACES, {ours: theirs})
    assert str(caught.value) == line
