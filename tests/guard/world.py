"""One small composed world for all tests of replay: an honest log, its reference, and a log with a campaign."""

from pathlib import Path
from typing import Any

from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.learning import learn_reference
from stillhouse.guard.replay.run import replay
from stillhouse.range.campaigns.settings import CampaignSettings, Strategy
from stillhouse.range.corpus import load_corpus
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import labels, stream
from stillhouse.records import ExchangeLog
from tests.guard.detection import KEY

QUEUE = CampaignSettings(
    name="queue",
    objective="reasoning",
    requests=3600,
    day=0.5,
    hours=40,
    strategy=Strategy(accounts=240, network="residential"),
)


__all__ = ["World"]


class World:
    """Paths of logs, the reference and one replay, and the truth about the second log."""

    def __init__(self, folder: Path) -> None:
        corpus = load_corpus(None)
        self.honest = folder / "honest.jsonl.zst"
        self.mixed = folder / "mixed.jsonl.zst"
        self.reference = folder / "reference"
        self.replayed = folder / "replay"
        population = {
            "persons": 1300,
            "gateway": {"companies": 0},
            "product": {"products": 0},
            "rag_backfill": {"jobs": 0},
            "data_shop": {"shops": 0},
            "nightly_evaluations": {"labs": 1, "items": 20},
            "ci_agents": {"organisations": 1, "pushes_per_day": 3},
            "translator": {"shops": 1, "requests_per_day": 60},
            "classroom": {"classes": 1, "pupils": 40},
            "harness": {"people": 350},
            "release_day": {"accounts": 30, "items": 20, "day": 1},
            "relay": {"accounts": 8, "people": 40},
        }
        first = Scenario.model_validate({"seed": 1, "days": 3, "population": population})
        second = Scenario.model_validate({"seed": 2, "days": 3, "population": population, "campaigns": (QUEUE,)})
        for path, scenario, half in ((self.honest, first, "a"), (self.mixed, second, "b")):
            with ExchangeLog(path) as log:
                log.extend(stream(scenario, corpus.half(half)))  # type: ignore[arg-type]
        self.truth = {label.account: label for label in labels(second, corpus.half("b"))}
        self.settings = DetectSettings()
        self.learnt: dict[str, Any] = learn_reference([self.honest], self.reference, self.settings, KEY)
        self.summary = replay([self.mixed], load(self.reference), self.replayed, self.settings)
