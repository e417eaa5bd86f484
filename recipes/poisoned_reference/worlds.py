"""Small composed worlds: a log of honest people with a campaign inside it to learn from, and a later log to replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stillhouse.range.campaigns.settings import CampaignSettings, Objective, Strategy
from stillhouse.range.cast import Label
from stillhouse.range.corpus import load_corpus
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import labels, stream
from stillhouse.records import ExchangeLog

__all__ = ["OTHER", "SAME", "World", "compose"]

SAME, OTHER = "same_template", "other_template"
_EACH = 8
_POPULATION = {
    "persons": 3000,
    "gateway": {"companies": 0},
    "product": {"products": 0},
    "rag_backfill": {"jobs": 0},
    "data_shop": {"shops": 0},
    "nightly_evaluations": {"labs": 1, "items": 20},
    "ci_agents": {"organisations": 1, "pushes_per_day": 3},
    "translator": {"shops": 1, "requests_per_day": 60},
    "classroom": {"classes": 2, "pupils": 40},
    "harness": {"people": 800},
    "release_day": {"accounts": 60, "items": 20, "day": 1},
    "relay": {"accounts": 8, "people": 40},
}


@dataclass(frozen=True)
class World:
    """Logs, and who is who in them: `inside` are the accounts of the campaign in the log that is learnt from."""

    learnt: Path
    inside: list[str]
    replayed: Path
    truth: Mapping[str, Label]


def compose(folder: Path, seed: int, inside: int, later: int) -> World:
    """With `inside` campaign accounts in the first log; in the second two campaigns of `later` accounts each, one with
    the template of the first log's. The honest people of the logs are others, and have other words.
    """
    first = _scenario(2 * seed, {"inside": ("reasoning", inside)})
    second = _scenario(2 * seed + 1, {SAME: ("reasoning", later), OTHER: ("instructions", later)})
    corpus = load_corpus(None)
    paths = folder / f"learnt-{seed}.jsonl.zst", folder / f"replayed-{seed}.jsonl.zst"
    for path, scenario, half in zip(paths, (first, second), ("a", "b"), strict=True):
        with ExchangeLog(path) as log:
            log.extend(stream(scenario, corpus.half(half)))
    found = [label.account for label in labels(first, corpus.half("a")) if label.campaign == "inside"]
    return World(paths[0], found, paths[1], {one.account: one for one in labels(second, corpus.half("b"))})


def _scenario(seed: int, campaigns: Mapping[str, tuple[Objective, int]]) -> Scenario:
    made = [
        CampaignSettings(
            name=name,
            objective=objective,
            requests=_EACH * accounts,
            day=0.5,
            hours=48,
            strategy=Strategy(accounts=accounts, network="residential"),
        )
        for name, (objective, accounts) in campaigns.items()
    ]
    return Scenario.model_validate({"seed": seed, "days": 3, "population": _POPULATION, "campaigns": made})
