"""A composition on disk: whole or not there, the same bytes again, and readable by the project's own logs."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillhouse.config import load
from stillhouse.errors import RunFolderError
from stillhouse.range import writing
from stillhouse.range.corpus import Corpus
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import Composed, composed
from stillhouse.range.writing import write_traffic
from stillhouse.records import ExchangeLog

SCENARIO = Scenario.model_validate(
    {
        "days": 3,
        "population": {"scale": 0.02},
        "campaigns": [
            {"name": "alpha", "requests": 200, "hours": 24, "strategy": {"accounts": 40, "honest_share": 0.5}},
        ],
    }
)


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]


def test_a_folder_holds_the_log_the_truth_and_a_summary(tmp_path: Path, corpus: Corpus) -> None:
    told: list[tuple[int, str]] = []
    summary = write_traffic(SCENARIO, corpus, tmp_path / "out", progress=lambda *word: told.append(word))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "exchanges.jsonl.zst", "labels.jsonl", "request_labels.jsonl", "resolved.yaml", "summary.json",
    }  # fmt: skip
    exchanges = list(ExchangeLog(tmp_path / "out" / "exchanges.jsonl.zst"))
    assert exchanges == [entry.exchange for entry in composed(SCENARIO, corpus)]
    labels = read(tmp_path / "out" / "labels.jsonl")
    assert set(labels[0]) == {"account", "role", "kind", "campaign", "group"}
    assert {exchange.account for exchange in exchanges} <= {label["account"] for label in labels}
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert summary["composed"] is True and summary["exchanges"] == len(exchanges) and summary["accounts"] == len(labels)
    assert summary["campaigns"] == {"alpha": 200}
    assert summary["corpus"]["sources"] == {"conversations": "made for tests"}
    assert (summary["first"], summary["last"]) == (exchanges[0].time, exchanges[-1].time)
    kinds = Counter(label["kind"] for label in labels)
    assert {row["kind"]: row["accounts"] for row in summary["kinds"]} == kinds
    assert sum(row["exchanges"] for row in summary["kinds"]) == len(exchanges)
    assert load(Scenario, tmp_path / "out" / "resolved.yaml") == SCENARIO
    assert told == [] or told[0][0] == 2000


def test_requests_are_labelled_where_the_account_does_not_tell(tmp_path: Path, corpus: Corpus) -> None:
    write_traffic(SCENARIO, corpus, tmp_path / "out")
    labels = {row["account"]: row for row in read(tmp_path / "out" / "labels.jsonl")}
    noted = {row["exchange"]: row for row in read(tmp_path / "out" / "request_labels.jsonl")}
    for exchange, user, campaign in composed(SCENARIO, corpus):
        found = noted.get(exchange.id)
        if user is not None or labels[exchange.account]["campaign"] != campaign:
            assert found == {"exchange": exchange.id, "account": exchange.account, "user": user, "campaign": campaign}
        else:
            assert found is None
    covers = [row for row in noted.values() if labels[row["account"]]["role"] == "campaign"]
    assert len(covers) == 200 and all(row["campaign"] is None for row in covers)


def test_the_same_scenario_gives_the_same_bytes(tmp_path: Path, corpus: Corpus) -> None:
    for name in ("one", "two"):
        write_traffic(SCENARIO, corpus, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.zst", "parquet"])
def test_a_log_in_parts_is_the_same_log(tmp_path: Path, corpus: Corpus, suffix: str) -> None:
    scenario = SCENARIO.model_validate({**SCENARIO.model_dump(), "output": {"format": suffix, "parts": 3}})
    summary = write_traffic(scenario, corpus, tmp_path / "out")
    assert summary["files"] == [f"exchanges-000{part}.{suffix}" for part in range(3)]
    parts = [list(ExchangeLog(tmp_path / "out" / name)) for name in summary["files"]]
    assert [exchange for part in parts for exchange in part] == [entry.exchange for entry in composed(SCENARIO, corpus)]
    assert [part[0].time[:10] for part in parts] == ["2026-07-20", "2026-07-21", "2026-07-22"]


def test_a_part_in_which_nothing_happens_is_an_empty_file(tmp_path: Path, corpus: Corpus) -> None:
    quiet = {"persons": 0, "scale": 0.001, "nightly_evaluations": {"labs": 0}, "harness": {"people": 0}}
    nobody = {name: {key: 0} for name, key in (
        ("ci_agents", "organisations"), ("gateway", "companies"), ("classroom", "classes"), ("timer", "jobs"),
        ("translator", "shops"), ("release_day", "accounts"), ("relay", "operators"), ("product", "products"),
        ("data_shop", "shops"), ("rag_backfill", "jobs"),
    )}  # fmt: skip
    scenario = Scenario.model_validate(
        {
            "days": 2,
            "population": {**quiet, **nobody},
            "campaigns": [{"name": "late", "day": 1.5, "hours": 6, "requests": 10, "strategy": {"accounts": 2}}],
            "output": {"parts": 4},
        }
    )
    summary = write_traffic(scenario, corpus, tmp_path / "out")
    assert [len(list(ExchangeLog(tmp_path / "out" / name))) for name in summary["files"]] == [0, 0, 0, 10]
    assert summary["persistence"] is None


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, corpus: Corpus) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(RunFolderError, match="is not empty; give a new --out, or remove it"):
        write_traffic(SCENARIO, corpus, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_interrupted_composition_leaves_nothing(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(scenario: Scenario, corpus: Corpus) -> Iterator[Composed]:
        yield from list(composed(scenario, corpus))[:10]
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "composed", cut)
    with pytest.raises(KeyboardInterrupt):
        write_traffic(SCENARIO, corpus, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
