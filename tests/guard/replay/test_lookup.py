"""Records of a replay's files by name, by a name that they had before, and what is said of names that are unknown."""

import json
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.lookup import campaign_of, campaigns, looked_up, record_of, records


def campaign(name: str, **more: Any) -> dict[str, Any]:
    found = {"campaign": name, "merged": [], "accounts": ["a"], "links": [], "log_e": 5.0, "action": "observe"}
    return {**found, "first_seen": None, **more}


def account(name: str) -> dict[str, Any]:
    return {"account": name, "campaign": None, "exchanges": 1, "log_e": 0.0, "action": "none"}


def write(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


def test_records_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "accounts.jsonl", account("b"), account("a"))
    assert [one["account"] for one in records(path)] == ["b", "a"]
    assert looked_up(records(path), "account", "a") == account("a")
    assert looked_up(records(path), "account", "c") is None


def test_a_faulty_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = write(tmp_path / "accounts.jsonl", account("b"), {"account": "a"})
    with pytest.raises(RecordError, match=r"accounts\.jsonl:2: no line of a replay: campaign is missing"):
        records(path)
    path.write_text("{}}\n")
    with pytest.raises(RecordError, match=r"accounts\.jsonl:1: not JSON"):
        records(path)


def test_what_is_no_folder_of_a_replay_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"accounts\.jsonl: No such file .*; give a folder made by"):
        records(tmp_path / "accounts.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"/file: is a file; give a folder made by"):
        records(tmp_path / "file" / "accounts.jsonl")


def test_an_unknown_name_is_answered_with_three_that_are_like_it(tmp_path: Path) -> None:
    found = [account(name) for name in ("acct_171", "acct_172", "acct_173", "acct_174", "zebra")]
    path = tmp_path / "accounts.jsonl"
    assert record_of(path, found, "account", "zebra") is found[4]
    with pytest.raises(ConfigError) as caught:
        record_of(path, found, "account", "acct_17")
    told = str(caught.value)
    assert told.startswith(f"{tmp_path}: has no account 'acct_17'; did you mean acct_17") and told.count(" or ") == 2
    assert told.endswith(f"? look it up in {path}, which has 5") and "zebra" not in told
    with pytest.raises(ConfigError, match="has no account 'nothing like it'; look it up in"):
        record_of(path, found, "account", "nothing like it")


def test_names_of_a_large_log_are_not_compared_one_by_one(tmp_path: Path) -> None:
    """It would take seconds."""
    found = [{"account": f"acct_{number}"} for number in range(100_001)]
    with pytest.raises(ConfigError, match=r"has no account 'acct_100001'; look it up in .*, which has 100,001$"):
        record_of(tmp_path / "accounts.jsonl", found, "account", "acct_100001")


def test_a_campaign_is_found_by_a_name_that_it_was_merged_with(tmp_path: Path) -> None:
    write(tmp_path / "campaigns.jsonl", campaign("c00001", merged=["c00003", "c00004"]), campaign("c00002"))
    found = campaigns(tmp_path)
    named = [campaign_of(tmp_path, found, name)["campaign"] for name in ("c00001", "c00002", "c00003", "c00004")]
    assert named == ["c00001", "c00002", "c00001", "c00001"]
    with pytest.raises(ConfigError, match=r"has no campaign 'c00005'; did you mean "):
        campaign_of(tmp_path, found, "c00005")


def test_a_replay_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    old = campaign("c00002")
    del old["merged"]
    write(tmp_path / "campaigns.jsonl", campaign("c00001"), old)
    with pytest.raises(RecordError, match="was written by an earlier version, without 'merged'; make the replay anew"):
        campaigns(tmp_path)
