"""Two worlds whose counts are made up: the baselines saw the first, which was replayed against two references."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.detection_plan import Plan, Reference, World, small
from bench.detection_scores import ACTIONS, CampaignScore, HonestScore, InnocentScore, Scores
from bench.detection_tables import tables
from bench.detection_tasks import BASELINES, OURS, Workshop
from stillhouse.range.scenario import Scenario

LOUD = CampaignScore(accounts=1, named=1, slowed=1, suspended=0, own=1000, let_through=1000)
FOUR = CampaignScore(accounts=250, named=200, slowed=200, suspended=150, own=1000, let_through=100)
MISSED = CampaignScore(accounts=10, own=100, let_through=100)


def scores(honest: tuple[int, int, int], **campaigns: CampaignScore) -> Scores:
    named = {name.replace("__", "."): campaign for name, campaign in campaigns.items()}
    return Scores({"person": HonestScore(*honest)}, named, {"relay": InnocentScore(50, 4, 1)})


def replayed(found: Scores, false: int, subjects: int) -> dict[str, Any]:
    counts = {"subjects": subjects, "false": false, "accounts": 10 * subjects, "honest": false}
    nothing = dict.fromkeys(counts, 0)
    return {
        "methods": {OURS: found.as_dict()},
        "discoveries": {
            "campaign": {action: counts for action in ACTIONS},
            "account": {action: nothing for action in ACTIONS},
        },
        "courses": {"loud.reasoning": [{"hours": 1.0, "log_e": 5.0, "action": "slow", "needed": 4.6}]},
        "levels": {
            "campaigns": {**dict.fromkeys(ACTIONS, 0.05), "remove": None},
            "accounts": {"observe": 0.2},
        },
        "costs": {
            "exchanges": 2000,
            "accounts": 500,
            "per_second": 4000.0,
            "per_processor_second": 5000.0,
            "peak_bytes": 300_000_000,
            "empty_bytes": 200_000_000,
        },
    }


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    kept = {
        "one.large": replayed(scores((1000, 2, 1), loud__reasoning=LOUD, four_each__grading=FOUR), 1, 4),
        "one.little": replayed(scores((1000, 3, 0), loud__reasoning=MISSED, four_each__grading=MISSED), 0, 1),
        "two.large": replayed(scores((500, 0, 0), loud__grading=MISSED), 0, 0),
        f"one.{BASELINES}": {
            "methods": {
                "fair": scores((1000, 10, 10), loud__reasoning=LOUD, four_each__grading=MISSED).as_dict(),
                "hits all": scores((1000, 900, 900), loud__reasoning=FOUR, four_each__grading=FOUR).as_dict(),
            }
        },
    }
    (tmp_path / "scores").mkdir()
    for name, record in kept.items():
        (tmp_path / "scores" / f"{name}.json").write_text(json.dumps(record))
    for name, accounts in (("large", 50_000), ("little", 5000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "made.json").write_text(json.dumps({"accounts": accounts, "groups": accounts // 100}))
    return Workshop(tmp_path, "words", (100,))


@pytest.fixture
def plan() -> Plan:
    campaigns = small(None).worlds[0].scenario.campaigns[:2]
    renamed = [
        campaign.model_copy(update={"name": name, "requests": 1000})
        for campaign, name in zip(campaigns, ("loud.reasoning", "four_each.grading"), strict=True)
    ]
    first = Scenario(seed=5, campaigns=tuple(renamed))
    second = Scenario(seed=6, campaigns=(renamed[0].model_copy(update={"name": "loud.grading", "requests": 100}),))
    worlds = [World("one", first, ("large", "little"), "large"), World("two", second, ("large",))]
    return Plan([Reference(name, Scenario()) for name in ("large", "little")], worlds, (100,))


@pytest.fixture
def found(plan: Plan, workshop: Workshop) -> dict[str, Any]:
    return tables(plan, workshop, given=False)
