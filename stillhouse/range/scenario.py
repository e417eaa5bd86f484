"""One composition as a file: its span, its honest population, its campaigns, its words, and how it is written."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from stillhouse.config import Settings, load
from stillhouse.range.arrivals import DAY
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.corpus import Corpus, load_corpus
from stillhouse.range.people.concentration import concentrated
from stillhouse.range.population import PopulationSettings
from stillhouse.range.world import World

__all__ = ["CorpusSettings", "OutputSettings", "Scenario", "corpus_of", "load_scenario", "world_of"]

# Accounts are older than the log, and the years of RFC 3339 have four digits, those of its last day too.
_FIRST, _LAST, _OLDEST = date(1100, 1, 1), date(9998, 12, 31), date(1000, 1, 1)


class CorpusSettings(Settings):
    """Where the words come from."""

    folder: Path | None = Field(
        None, description="folder of .jsonl, .json or .csv files (also .zst); none is text that comes with packages"
    )
    half: Literal["a", "b"] | None = Field(
        None, description="only one half of the text, so that another composition can have the other one"
    )


class OutputSettings(Settings):
    """How the log is written."""

    format: Literal["jsonl.zst", "jsonl", "parquet"] = Field("jsonl.zst", description="format of the exchange log")
    parts: int = Field(1, ge=1, le=1000, description="files that it is cut into, each an equal span of the time")


class Scenario(Settings):
    """What is composed. The same scenario and the same corpus give the same bytes."""

    seed: int = Field(0, ge=0, lt=2**63, description="another seed is another population with the same proportions")
    start: str = Field(
        "2026-07-20", description="first day, from 1100-01-01 to 9998-12-31; its midnight in UTC is the beginning"
    )
    days: int = Field(7, ge=1, le=366, description="length in days")
    model: str = Field("served-model", min_length=1, description="name of the model that is served")
    population: PopulationSettings = PopulationSettings()
    campaigns: tuple[CampaignSettings, ...] = Field((), description="campaigns that try to distil")
    corpus: CorpusSettings = CorpusSettings()
    output: OutputSettings = OutputSettings()

    @field_validator("start", mode="before")
    @classmethod
    def _is_a_day(cls, start: object) -> str:
        # YAML reads an unquoted 2026-07-20 as a date.
        try:
            day = date.fromisoformat(str(start))
        except ValueError:
            raise ValueError("write the day like 2026-07-20") from None
        if not _FIRST <= day <= _LAST:
            raise ValueError(f"give a day from {_FIRST} to {_LAST}")
        return day.isoformat()

    @model_validator(mode="after")
    def _campaigns_fit(self) -> Self:
        names = [campaign.name for campaign in self.campaigns]
        for campaign in self.campaigns:
            if names.count(campaign.name) > 1:
                raise ValueError(f"campaigns: '{campaign.name}' is there twice; give each a name of its own")
            if campaign.day >= self.days:
                raise ValueError(
                    f"campaigns: '{campaign.name}' begins on day {campaign.day:g} of {self.days}; "
                    "give more days, or an earlier one"
                )
            most = (date.fromisoformat(self.start) - _OLDEST).days + int(campaign.day)
            age = campaign.strategy.account_days
            if campaign.strategy.registration == "separate" and age > most:
                raise ValueError(
                    f"campaigns: '{campaign.name}' has strategy.account_days {age:g}, which is before {_OLDEST}; "
                    f"give {most} or less"
                )
        return self

    @property
    def begin(self) -> int:
        """Milliseconds since 1970 of the first midnight."""
        return (date.fromisoformat(self.start) - date(1970, 1, 1)).days * DAY


def load_scenario(path: Path, overrides: Sequence[str] = (), folder: Path | None = None) -> Scenario:
    """The scenario of a YAML file. Its corpus folder is meant from the file's own folder; `folder` replaces it.

    Raises ConfigError with one line.
    """
    scenario = load(Scenario, path, overrides)
    if folder is None and scenario.corpus.folder is not None:
        folder = path.parent / scenario.corpus.folder
    return scenario.model_copy(update={"corpus": scenario.corpus.model_copy(update={"folder": folder})})


def corpus_of(scenario: Scenario) -> Corpus:
    """The words that the scenario names. Raises ConfigError or RecordError for a folder that cannot be used."""
    corpus = load_corpus(scenario.corpus.folder)
    return corpus if scenario.corpus.half is None else corpus.half(scenario.corpus.half)


def world_of(scenario: Scenario, corpus: Corpus) -> World:
    """The span and the words that all actors of the scenario share."""
    world = World(scenario.seed, scenario.begin, scenario.days, corpus)
    return concentrated(world, scenario.population.persistence)
