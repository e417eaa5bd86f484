"""Where time and operations went, part by part: a share that is out of proportion is the next thing to mend."""

from collections.abc import Iterator
from dataclasses import dataclass

from stillhouse.distill.evidence import Evidence
from stillhouse.distill.manifest import PARTS

__all__ = ["Spending", "part_seconds", "spending"]

_WORK = {
    "rollout": "answers are written",
    "judge": "answers are judged over the network",
    "teacher": "the teacher reads the answers",
    "student": "forward and backward through the layers",
    "loss": "both vocabularies projected and compared",
    "optimizer": "weights change",
    "other": "data, saving, logging",
    "total": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One row. What was not recorded is None; `rate` is FLOPs by formula over seconds measured."""

    part: str
    work: str
    seconds: float | None
    share: float | None
    tokens: int | None
    flops: int | None
    rate: float | None


def part_seconds(evidence: Evidence) -> dict[str, float]:
    """Seconds by part over all steps, for the parts that took any."""
    totals = {part: sum(step.get("seconds", {}).get(part, 0.0) for step in evidence.steps) for part in PARTS}
    return {part: seconds for part, seconds in totals.items() if seconds > 0}


def spending(evidence: Evidence) -> list[Spending]:
    """A row for each part that took time, tokens or operations, and a last one for their total."""
    return list(_rows(evidence))


def _rows(evidence: Evidence) -> Iterator[Spending]:
    seconds = part_seconds(evidence)
    whole = sum(seconds.values())
    if seconds:
        seconds["total"] = whole
    tokens, flops = evidence.manifest.get("tokens", {}), evidence.manifest.get("flops", {})
    for part in (*PARTS, "total"):
        spent, operations = seconds.get(part), flops.get(part)
        if spent is None and not operations and not tokens.get(part):
            continue
        yield Spending(
            part=part,
            work=_WORK[part],
            seconds=spent,
            share=None if spent is None else spent / whole,
            tokens=tokens.get(part),
            flops=operations,
            rate=operations / spent if operations and spent else None,
        )
