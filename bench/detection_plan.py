"""Which worlds are composed, and what each is for.

Two campaigns of one objective that keep to its first wording would be found as one, the quiet one by the loud one's
evidence. So a world has one campaign of each objective, and nineteen worlds have every strategy with every objective
once, in three sizes. In any four neighbouring worlds each strategy is there at least once: those are enough for what
is slow.

What is decided depends on the reference too: on its people, and on the key that is drawn with it and parts each
account's requests into halves. So there are several of each size, and worlds take turns.

Seeds and text are not those that thresholds were chosen on: that was done on other text, with seeds 1, 2 and 11 to 14.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from bench.detection_baselines.mmd import WINDOWS
from stillhouse.range.campaigns.catalogue import strategies
from stillhouse.range.campaigns.settings import CampaignSettings, Objective
from stillhouse.range.population import PopulationSettings
from stillhouse.range.scenario import CorpusSettings, Scenario

__all__ = ["OBJECTIVES", "STRATEGIES", "Plan", "Reference", "World", "full", "small"]

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
STRATEGIES = tuple(strategies(1))

_SIZES = (1000, 4000, 16_000)
_MOST = 200_000
_STEP = 3
_DAYS = 5
_SCALE = 3.2
_QUICK = 4
_WITHOUT = 2
_REFERENCES = {"50k": 14.7, "20k": 5.9, "5k": 1.5}
_DRAWS = 2
_SMALL_STRATEGIES = ("four_each", "diluted_90", "two_pools", "topic_shards", "all_at_once", "loud")
_SMALL_REQUESTS = 2000
_SMALL_SCALE = 0.8


@dataclass(frozen=True, slots=True)
class Reference:
    """An honest world to learn from; `baselines` says whether they are calibrated on its log too."""

    name: str
    scenario: Scenario
    baselines: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """A log to decide on. `references` it is replayed against: the first is the one that counts, more are there to
    compare references. `baselines` names the reference that those were calibrated on, None where they are left out.
    """

    name: str
    scenario: Scenario
    references: tuple[str, ...]
    baselines: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether its text was given, and did not come with packages."""
        return self.scenario.corpus.folder is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """`windows` are those of the MMD baseline."""

    references: Sequence[Reference]
    worlds: Sequence[World]
    windows: Sequence[int]


def full(given: Path | None) -> Plan:
    """Nineteen worlds with campaigns and two without, on text that comes with packages; four more on `given` text."""
    references = [
        Reference(f"reference-{name}-{draw + 1}", _honest(1101 + 10 * place + draw, scale), name == "20k" and not draw)
        for place, (name, scale) in enumerate(_REFERENCES.items())
        for draw in range(_DRAWS)
    ]
    calibrated = next(one.name for one in references if one.baselines)
    worlds = []
    for number in range(len(STRATEGIES) + _WITHOUT):
        names = tuple(f"reference-{name}-{number % _DRAWS + 1}" for name in _REFERENCES)
        quick, seed = number < _QUICK, 1001 + number
        scenario = _world(seed, number) if number < len(STRATEGIES) else _honest(seed, _SCALE)
        worlds.append(
            World(f"world-{number + 1:02}", scenario, names if quick else names[:1], calibrated if quick else None)
        )
    if given is not None:
        references.append(Reference("reference-given", _honest(1201, _REFERENCES["20k"], given)))
        worlds += [
            World(f"given-{number + 1:02}", _world(1211 + number, number, given), ("reference-given",))
            for number in range(_QUICK)
        ]
    return Plan(references, worlds, WINDOWS)


def small(given: Path | None) -> Plan:
    """One world of six campaigns and a reference as large, to be through in three minutes."""
    reference = Reference("reference-small", _honest(1131, _SMALL_SCALE, given), baselines=True)
    campaigns = [_campaign(name, number, _SMALL_REQUESTS) for number, name in enumerate(_SMALL_STRATEGIES)]
    scenario = _honest(1031, _SMALL_SCALE, given).model_copy(update={"campaigns": tuple(campaigns)})
    return Plan([reference], [World("world-small", scenario, (reference.name,), reference.name)], WINDOWS[:1])


def _honest(seed: int, scale: float, given: Path | None = None) -> Scenario:
    return Scenario(
        seed=seed, days=_DAYS, population=PopulationSettings(scale=scale), corpus=CorpusSettings(folder=given)
    )


def _world(seed: int, number: int, given: Path | None = None) -> Scenario:
    """The world of that number: objective k has strategy number + 3 k, in a size that depends on both."""
    campaigns = []
    for place in range(len(OBJECTIVES)):
        strategy = (number + _STEP * place) % len(STRATEGIES)
        campaigns.append(_campaign(STRATEGIES[strategy], place, _SIZES[(strategy + place) % len(_SIZES)]))
    return _honest(seed, _SCALE, given).model_copy(update={"campaigns": tuple(campaigns)})


def _campaign(strategy: str, place: int, requests: int) -> CampaignSettings:
    """The campaign of that objective; smaller where its cover would be more than all others together."""
    requests = min(requests, round(_MOST * (1 - strategies(1)[strategy].honest_share)))
    objective = OBJECTIVES[place]
    return CampaignSettings(
        name=f"{strategy}.{objective}",
        objective=objective,
        requests=requests,
        day=0.5 + 0.4 * place,
        strategy=strategies(requests)[strategy],
    )
