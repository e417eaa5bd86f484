"""A log of six exchanges: what its labels, and the labels of single requests, say of each."""

import json
from pathlib import Path
from typing import Any

from bench.detection_truth import LOG, Asked, read_asked
from stillhouse.records import ExchangeLog
from tests.bench.detection_baselines.asking import START, ask

LABELS: list[dict[str, Any]] = [
    {"account": "person", "role": "honest", "kind": "person", "campaign": None},
    {"account": "relay", "role": "honest", "kind": "relay", "campaign": None},
    {"account": "pool", "role": "campaign", "kind": "reasoning", "campaign": "one"},
]
TOLD: list[dict[str, Any]] = [
    {"exchange": "relay@2", "account": "relay", "user": "ann", "campaign": None},
    {"exchange": "pool@4", "account": "pool", "user": None, "campaign": None},
    {"exchange": "pool@5", "account": "pool", "user": "bob", "campaign": None},
]


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_who_asked_when_and_for_whom(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text(lines(LABELS))
    (tmp_path / "request_labels.jsonl").write_text(lines(TOLD))
    with ExchangeLog(tmp_path / LOG) as log:
        log.extend([ask("person", 1), ask("relay", 2), ask("pool", 3), ask("pool", 4), ask("pool", 5), ask("pool", 6)])
    assert list(read_asked(tmp_path)) == [
        Asked("person", START + 1, False, None),
        Asked("relay", START + 2, False, "ann"),
        Asked("pool", START + 3, True, None),
        Asked("pool", START + 4, False, None),
        Asked("pool", START + 5, False, "bob"),
        Asked("pool", START + 6, True, None),
    ]
