"""A table that keeps, gives back and forgets."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.errors import StorageError
from stillhouse.guard.ingest.disk_table import DiskTable


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3), st.booleans())))
def test_it_is_a_dict(steps: list[tuple[str, bytes, bool]]) -> None:
    model: dict[str, bytes] = {}
    with DiskTable() as table:
        for key, value, takes in steps:
            if takes:
                assert table.pop(key) == model.pop(key, None)
            else:
                assert table.add(key, value) == (key not in model)
                model.setdefault(key, value)
        assert sorted(table.values()) == sorted(model.values())


def test_a_full_disk_is_a_fault_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def execute(self, statement: str, values: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        def close(self) -> None:
            pass

    table = DiskTable()
    table.close()
    monkeypatch.setattr(table, "_base", Full())
    with pytest.raises(StorageError, match="database or disk is full; free space there, or set TMPDIR"):
        table.add("a")
