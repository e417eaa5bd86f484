"""`stillhouse range traffic` as users have it: what is printed, and faults."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stillhouse.cli import app
from stillhouse.range.corpus import Corpus

TEXTS = [
    {"prompt": f"How do I {verb} the {noun} in week {n}?", "completion": "Slowly."}
    for n, (verb, noun) in enumerate(
        (v, o) for v in ("mend", "paint", "sell", "water") for o in ("roof", "boat", "tree")
    )
]


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["range", "traffic", *map(str, words)])


@pytest.fixture
def scenario(tmp_path: Path, packaged: Corpus) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text("days: 2\npopulation: {scale: 0.01}\n", encoding="utf-8")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "asked.jsonl").write_text("\n".join(map(json.dumps, TEXTS)), encoding="utf-8")
    return path


def test_traffic_is_composed_from_a_folder_and_told(scenario: Path, tmp_path: Path) -> None:
    done = run(scenario, "--out", tmp_path / "out", "--corpus", tmp_path / "texts", "--quiet")
    assert done.exit_code == 0, done.output
    assert "composed exchanges of" in done.stdout and done.stderr == ""
    assert f"log      {tmp_path / 'out' / 'exchanges.jsonl.zst'}" in done.stdout
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["corpus"]["sources"]["conversations"] == "asked.jsonl"
    assert summary["corpus"]["licences"]["asked.jsonl"] == "unknown (file by path)"
    assert "reasoning-gym" in summary["corpus"]["sources"]["benchmarks"]


@pytest.mark.parametrize("day", [0, 2])
def test_a_kind_that_the_days_are_too_few_for_is_told(scenario: Path, tmp_path: Path, day: int) -> None:
    words: list[str | Path] = [f"population.release_day.day={day}", "--corpus", tmp_path / "texts", "--quiet"]
    done = run(scenario, *words, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    silent = json.loads((tmp_path / "out" / "summary.json").read_text())["silent"]
    assert ("release_day" in silent) is (day == 2)
    line = "no exchange of release_day falls into the composed days; give more days, or an earlier population.release"
    assert (line in done.stdout) is (day == 2)


def test_a_campaign_that_goes_on_after_the_days_is_told(scenario: Path, tmp_path: Path) -> None:
    whole = "{name: whole, requests: 40, day: 0, hours: 48, strategy: {accounts: 4}}"
    half = "{name: half, requests: 40, day: 1.5, hours: 24, strategy: {accounts: 4}}"
    with scenario.open("a", encoding="utf-8") as file:
        file.write(f"campaigns: [{whole}, {half}]\n")
    done = run(scenario, "--corpus", tmp_path / "texts", "--quiet", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["campaigns"] == {"whole": 40, "half": 20}
    assert summary["cut_short"] == {"half": {"requests": 40, "exchanges": 20}}
    assert "campaign half: 20 of its 40 requests fall into the composed days; give more days, or" in done.stdout
    assert "campaign whole" not in done.stdout


def test_json_is_the_summary_and_overrides_count(scenario: Path, tmp_path: Path) -> None:
    words: list[str | Path] = ["seed=9", "days=1", "--corpus", tmp_path / "texts", "--json", "--quiet"]
    done = run(scenario, *words, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["seed"] == 9 and told["out"] == str(tmp_path / "out") and told["last"] < "2026-07-21"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["{none}.yaml"], "no such config file; give the path of a YAML file"),
        (["{scenario}", "day=3"], "unknown key 'day' (value 3); did you mean 'days'?"),
        (["{scenario}", "--corpus", "{none}"], "no such corpus folder; give a folder of"),
        (["{scenario}", "--out", "{full}"], "is not empty; give a new --out, or remove it"),
    ],
)
def test_a_fault_is_one_line_and_exit_2(scenario: Path, tmp_path: Path, words: list[str], fault: str) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("")
    places = [word.format(scenario=scenario, none=tmp_path / "none", full=full) for word in words]
    if "--out" not in words:
        places += ["--out", str(tmp_path / "out")]
    done = run(*places)
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("stillhouse: ") and done.stderr.count("\n") == 1
    assert fault in done.stderr
    assert not (tmp_path / "out").exists()
