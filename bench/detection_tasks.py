"""The work of the bench in pieces that may run beside each other, each done once: a killed bench goes on where it was.

A piece composes its own log with the public commands, reads it, leaves a small file, and removes the log: the same
scenario gives the same bytes, and a world of composed traffic is cheaper to make again than to keep. The small file
names what it was made by, so nothing of an earlier detector or another scenario is taken for a finding of this one.
"""

import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from bench.detection_baselines.baseline import Baseline, moment
from bench.detection_baselines.embedding import (
    Embedding,
    StaticEmbedding,
    WordsEmbedding,
    newest_turn,
    wordllama_folder,
)
from bench.detection_baselines.published import published
from bench.detection_baselines.slim import slim
from bench.detection_commands import Done, stillhouse, traffic
from bench.detection_plan import Reference, World
from bench.detection_scores import Scores, first_actions, score
from bench.detection_subjects import courses, decided, discoveries
from bench.detection_truth import LOG, Asked, read_asked, read_lines
from stillhouse.config import dump, load
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.range.scenario import Scenario
from stillhouse.records import ExchangeLog, write_atomic, write_json
from stillhouse.types import Exchange

__all__ = ["BASELINES", "OURS", "Embeddings", "Workshop", "made_by_of"]

OURS, BASELINES = "stillhouse", "baselines"
Embeddings = Literal["static", "words"]

_ROOT = Path(__file__).parents[1]
_SOURCES = (
    "stillhouse/guard",
    "stillhouse/range",
    "bench/detection_baselines",
    *(f"bench/detection_{part}.py" for part in ("scores", "subjects", "tasks", "truth")),
)
_FOR_WORDS = 5000


@dataclass(frozen=True, slots=True)
class Workshop:
    """`folder` keeps what the pieces leave; the baselines read texts by `embedding`, MMD in `windows`."""

    folder: Path
    embedding: Embeddings
    windows: tuple[int, ...]

    def learn(self, reference: Reference) -> str:
        """Compose an honest world and learn from it. This and the others return what was done, in words."""
        place, made_by = self.folder / reference.name, made_by_of(reference.scenario)
        if not _is_done(place / "made.json", made_by):
            shutil.rmtree(place, ignore_errors=True)
            with traffic(reference.scenario, self._scratch(reference.name, "learn")) as log:
                made = stillhouse("guard", "reference", log, "--out", place).result
            write_json(place / "made.json", {"made_by": made_by, **made})
        return f"{reference.name}: learnt"

    def calibrate(self, reference: Reference) -> str:
        """Compose the same honest world and fit every baseline to it."""
        place, made_by = self._calibrated(reference.name), made_by_of(reference.scenario, self.embedding, *self.windows)
        if not _is_done(place.with_suffix(".json"), made_by):
            with traffic(reference.scenario, self._scratch(reference.name, "calibrate")) as log:
                honest = slim(ExchangeLog(log / LOG))
            baselines = published(self._embedding_of(honest), self.windows)
            for baseline in baselines:
                baseline.fit(iter(honest))
            write_atomic(place, pickle.dumps(baselines))
            write_json(place.with_suffix(".json"), {"made_by": made_by})
        return f"{reference.name}: baselines calibrated"

    def replay(self, world: World, reference: str) -> str:
        """Our decisions about a world, scored."""
        learnt = self.folder / reference
        place, made_by = self._scores(world, reference), made_by_of(world.scenario, self.learnt(reference)["digest"])
        if not _is_done(place, made_by):
            with traffic(world.scenario, self._scratch(world.name, reference)) as log:
                out = log.with_name("replay")
                done = stillhouse("guard", "replay", log, "--reference", learnt, "--out", out)
                costs = _costs(
                    done, stillhouse("guard", "replay", _first(log), "--reference", learnt, "--out", f"{out}-1")
                )
                write_json(place, {"made_by": made_by, "costs": costs, **_ours(log, out)})
        return f"{world.name}: replayed against {reference}"

    def flag(self, world: World, reference: str) -> str:
        """What every baseline, calibrated on that reference's log, flags in a world, scored."""
        place, calibrated = self._scores(world, BASELINES), self._calibrated(reference)
        made_by = made_by_of(world.scenario, _record(calibrated.with_suffix(".json"))["made_by"])
        if not _is_done(place, made_by):
            baselines: Sequence[Baseline] = pickle.loads(calibrated.read_bytes())
            with traffic(world.scenario, self._scratch(world.name, BASELINES)) as log:
                labels, asked = read_lines(log / "labels.jsonl"), list(read_asked(log))
                exchanges = slim(ExchangeLog(log / LOG))
            methods = {one.name: _flagged(one, exchanges, labels, asked).as_dict() for one in baselines}
            write_json(place, {"made_by": made_by, "methods": methods})
        return f"{world.name}: baselines scored"

    def found(self, world: World, by: str) -> dict[str, Any]:
        """What `replay` (`by` the reference) or `flag` (`by` BASELINES) left."""
        record = _record(self._scores(world, by))
        return record | {"methods": {name: Scores.of(counts) for name, counts in record["methods"].items()}}

    def learnt(self, reference: str) -> dict[str, Any]:
        """What `guard reference` said about it."""
        return _record(self.folder / reference / "made.json")

    def _scores(self, world: World, by: str) -> Path:
        return self.folder / "scores" / f"{world.name}.{by}.json"

    def _calibrated(self, reference: str) -> Path:
        return self.folder / f"{reference}.{self.embedding}.pickle"

    def _scratch(self, name: str, purpose: str) -> Path:
        return self.folder / "scratch" / f"{name}.{purpose}"

    def _embedding_of(self, honest: Sequence[Exchange]) -> Embedding:
        if self.embedding == "static":
            return StaticEmbedding.read(wordllama_folder())
        return WordsEmbedding.learned(newest_turn(one) for one in honest[:_FOR_WORDS])


def _ours(log: Path, out: Path) -> dict[str, Any]:
    """A replay of a log, scored: see `detection_scores` and `detection_subjects`."""
    labels, decisions, asked = read_lines(log / "labels.jsonl"), read_lines(out / "decisions.jsonl"), [*read_asked(log)]
    campaigns = {label["account"]: label["campaign"] for label in labels}
    begins: dict[str, int] = {}
    for one in asked:
        if one.own:
            begins.setdefault(campaigns[one.account], one.time)
    return {
        "methods": {OURS: score(labels, first_actions(decided(decisions)), asked).as_dict()},
        "discoveries": discoveries(decisions, campaigns),
        "courses": courses(decisions, campaigns, begins),
        "levels": load(DetectSettings, out / "resolved.yaml").model_dump(include={"campaigns", "accounts"}),
    }


def _flagged(
    baseline: Baseline, log: Sequence[Exchange], labels: Sequence[Mapping[str, Any]], asked: Sequence[Asked]
) -> Scores:
    times = {one.id: moment(one) for one in log}
    flags = [([flag.account], "suspend", times[flag.after_exchange]) for flag in baseline.flag(iter(log))]
    return score(labels, first_actions(flags), asked)


def _first(log: Path) -> Path:
    """A log of the first exchange alone, beside the folder `log`."""
    first = log.with_name("first.jsonl")
    with ExchangeLog(first) as file:
        file.extend(islice(ExchangeLog(log / LOG), 1))
    return first


def _costs(done: Done, empty: Done) -> dict[str, float]:
    """Of a replay; `empty` is that of one exchange, whose memory is that of libraries and reference."""
    return {
        "exchanges": done.result["exchanges"],
        "accounts": done.result["accounts"],
        "per_second": done.result["exchanges_per_second"],
        "per_processor_second": done.result["exchanges"] / done.processor_seconds,
        "peak_bytes": done.result["peak_memory_bytes"],
        "empty_bytes": empty.result["peak_memory_bytes"],
    }


def _record(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _is_done(place: Path, made_by: str) -> bool:
    return place.is_file() and _record(place)["made_by"] == made_by


def made_by_of(scenario: Scenario, *settings: object) -> str:
    """A digest of the scenario, the settings, and the code that makes traffic, decides and scores."""
    return sha256(f"{_code()}{dump(scenario)}{settings}".encode()).hexdigest()


@cache
def _code() -> str:
    hashed = sha256()
    for source in map(_ROOT.joinpath, _SOURCES):
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            hashed.update(path.read_bytes())
    return hashed.hexdigest()
