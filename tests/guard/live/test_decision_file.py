"""decisions.jsonl: held by one, whole lines, none twice."""

import os
from pathlib import Path
from typing import Any

from stillhouse.guard.decide.decision import Decision
from stillhouse.guard.live.decision_file import NAME, DecisionFile
from stillhouse.records.files import encode_line


def decision(id: str, **more: Any) -> Decision:
    fields: dict[str, Any] = {"at": 10**15, "after_exchange": "ex", "kind": "campaign", "accounts": ["a"]}
    fields |= {"action": "slow", "review": "none", "log_e": 7.25, "level": 0.001, "because": ["é"]}
    return Decision(id=id, **(fields | more))


def taken(folder: Path) -> DecisionFile:
    file = DecisionFile.take(folder)
    assert file is not None
    return file


def test_one_process_holds_it(tmp_path: Path) -> None:
    file = taken(tmp_path)
    assert DecisionFile.take(tmp_path) is None
    file.close()
    taken(tmp_path).close()


def test_a_decision_is_written_once_whoever_begins_anew(tmp_path: Path) -> None:
    file = taken(tmp_path)
    assert file.add(decision("c1")) and file.add(decision("c2")) and not file.add(decision("c1"))
    file.close()
    again = taken(tmp_path)
    assert [again.add(decision(id)) for id in ("c1", "c2", "c3")] == [False, False, True] and len(again) == 3
    again.close()
    lines = b"".join(encode_line(decision(id).as_record()) for id in ("c1", "c2", "c3"))
    assert (tmp_path / NAME).read_bytes() == lines


def test_what_a_killed_process_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    file = taken(tmp_path)
    file.add(decision("c1"))
    file.close()
    whole = (tmp_path / NAME).read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 2):
        with (tmp_path / NAME).open("ab") as torn:
            torn.write(encode_line(decision("c2").as_record())[:length])
        again = taken(tmp_path)
        assert (tmp_path / NAME).read_bytes() == whole
        assert not again.add(decision("c1"))
        again.close()
    last = taken(tmp_path)
    assert last.add(decision("c2"))
    last.close()
    assert os.path.getsize(tmp_path / NAME) == 2 * len(whole)
