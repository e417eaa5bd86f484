"""What detection asks a person for, with the evidence that it rests on."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import Proposal

__all__ = ["with_evidence"]


def with_evidence(waiting: "Sequence[Proposal]", line: "Callable[[Proposal], str]") -> str:
    """A line each, those of one decision together, and below them once what it rests on."""
    decisions: dict[str, list[Proposal]] = {}
    for one in waiting:
        decisions.setdefault(repr((one.campaign, one.action, one.because)), []).append(one)
    return "\n".join(text for about in decisions.values() for text in (*map(line, about), *_evidence(about[0].because)))


def _evidence(because: Mapping[str, Any]) -> Iterator[str]:
    """`because` as `decisions.jsonl` has it; ln e has to reach -ln of the level."""
    said = [because["time"]] if "time" in because else []
    if "log_e" in because:
        said.append(f"ln e {because['log_e']:.2f}")
    if "level" in because:
        said.append(f"needed {-math.log(because['level']):.2f} (level {because['level']:.3g})")
    yield f"    evidence: {', '.join(said)}"
    for fact in because.get("because", ()):
        yield f"      {fact}"
