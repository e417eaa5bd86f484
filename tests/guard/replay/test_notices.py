"""What is said of a log beside the result."""

from pathlib import Path
from typing import Any

from stillhouse.guard.replay.notices import losses, notices

FLAWLESS: dict[str, Any] = {
    "passed_over": [],
    "exchanges": 1000,
    "duplicates": 10,
    "first_duplicate": "x",
    "late": 10,
    "textless": 101,
    "skewed": 0,
    "rejected": 0,
    "first_rejected": None,
    "unfinished": [],
}


def test_of_a_flawless_log_nothing_is_said() -> None:
    assert notices(FLAWLESS, Path("out")) == []


def test_each_fault_is_said_with_the_first_place_and_the_remedy() -> None:
    faults = {"late": 11, "rejected": 2, "first_rejected": "a:1: not JSON", "unfinished": ["b:9: ends"]}
    beside, aside, cut, late = notices({**FLAWLESS, **faults, "passed_over": ["c.jsonl", "d.jsonl"]}, Path("out"))
    assert beside.startswith("2 logs were not read, the first is c.jsonl") and "by name too" in beside
    assert aside == "2 set aside in out/rejected.jsonl, which holds prompts; the first is a:1: not JSON"
    assert cut == "1 logs are cut off; the first is b:9: ends"
    assert late.startswith("11 of 1,010 exchanges (1.1%) are late") and "sort it by time" in late


def test_much_that_does_not_count_is_said_with_the_first_and_the_remedy() -> None:
    repeated, silent = notices({**FLAWLESS, "duplicates": 11, "textless": 102}, Path("out"))
    assert repeated.startswith("11 of 1,011 exchanges (1.1%) do not count") and "the first is 'x'" in repeated
    assert silent.startswith("102 of 1,011 exchanges (10.1%) say nothing that can be read: `request` has to be")


def test_what_a_refusal_says_is_what_was_lost() -> None:
    assert losses({**FLAWLESS, "rejected": 10, "first_rejected": "a:1: why", "passed_over": ["b"]}) == []
    aside, repeated = losses({**FLAWLESS, "rejected": 20, "first_rejected": "a:1: why", "duplicates": 900})
    assert aside == "20 lines were set aside, the first is a:1: why" and "900 of 1,900" in repeated
