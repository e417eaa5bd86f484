"""What is said of a log beside the result."""

from pathlib import Path
from typing import Any

from stillhouse.guard.replay.notices import notices

FLAWLESS: dict[str, Any] = {
    "passed_over": [],
    "exchanges": 1000,
    "late": 10,
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
    assert late.startswith("11 of 1,000 exchanges (1.1%) are late") and "sort it by time" in late
