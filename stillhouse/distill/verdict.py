"""Plain words about an evaluation, derived from its numbers and from nothing else.

Written by rule so that a page cannot praise a run that its own table does not support: a change counts only
where the two intervals do not overlap. That is stricter than a paired test, and everybody can check it by eye.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stillhouse.distill.evidence import Evidence
from stillhouse.distill.measures import Measure, measure, measure_order, value_text

__all__ = ["Finding", "Verdict", "findings", "verdict"]

Tone = Literal["better", "worse", "unclear"]
PRIMARY = ("kl_to_teacher", "kl_to_teacher_per_byte")
JUDGED = "judged_win_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What happened to one measure. `tone` is `unclear` where the intervals overlap."""

    measure: Measure
    tone: Tone
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The headline of a run and one finding for each measure with a good direction."""

    tone: Tone
    headline: str
    findings: tuple[Finding, ...]


def verdict(evidence: Evidence) -> Verdict:
    """The headline rests on the divergence from the teacher alone; the other measures are findings beside it.

    Where the teacher's probabilities are not known, it rests on the judge's comparison of the answers before and after.
    """
    found = findings(evidence.evaluation)
    if not evidence.evaluation.get("after"):
        return Verdict(tone="unclear", headline=_unfinished(evidence), findings=())
    primary = next((finding for finding in found if finding.measure.key in PRIMARY), None)
    if primary is None and JUDGED in evidence.evaluation["after"]:
        return _judged(evidence.evaluation["after"][JUDGED], found)
    if primary is None:
        return Verdict(
            tone="unclear",
            headline="The divergence from the teacher was not measured both before and after, so there is no verdict.",
            findings=found,
        )
    headline = {
        "better": "The student moved towards its teacher.",
        "worse": "The student moved away from its teacher.",
        "unclear": "This run does not show that the student moved towards its teacher.",
    }[primary.tone]
    return Verdict(tone=primary.tone, headline=headline, findings=found)


def _judged(rate: Mapping[str, Any], found: tuple[Finding, ...]) -> Verdict:
    share = f"{value_text('share', rate['value'])} of held-out prompts (ties half)"
    if rate["low"] > 0.5:
        return Verdict(
            tone="better", headline=f"The judge prefers the student's answers after: {share}.", findings=found
        )
    if rate["high"] < 0.5:
        return Verdict(tone="worse", headline=f"The judge prefers the answers before: {share} only.", findings=found)
    return Verdict(
        tone="unclear",
        headline=f"The judge shows no preference for the answers after: {share}, and the interval has 50 % in it.",
        findings=found,
    )


def findings(evaluation: Mapping[str, Any]) -> tuple[Finding, ...]:
    """One finding for each measure with a good direction that was taken both before and after training."""
    before, after = evaluation.get("before", {}), evaluation.get("after", {})
    both = [measure(key) for key in measure_order(before) if key in after]
    teacher = evaluation.get("teacher", {})
    return tuple(_finding(m, before[m.key], after[m.key], teacher.get(m.key)) for m in both if m.better is not None)


def _finding(m: Measure, before: Mapping[str, Any], after: Mapping[str, Any], teacher: Any) -> Finding:
    old, new = float(before["value"]), float(after["value"])
    if new == old:
        moved = f"{m.label} stayed at {value_text(m.kind, old)}"
    else:
        verb = "fell" if new < old else "rose"
        moved = f"{m.label} {verb} from {value_text(m.kind, old)} to {value_text(m.kind, new)}"
        if m.kind == "nats" and old > 0:
            moved += f", {100 * new / old:.0f} % of its value before"
    if m.kind == "share" and m.key != "top1_agreement" and teacher is not None:
        moved += f" (the teacher has {value_text(m.kind, teacher['value'])})"
    if after["low"] <= before["high"] and before["low"] <= after["high"]:
        return Finding(measure=m, tone="unclear", sentence=f"{moved}; the 95 % intervals overlap: no change is shown.")
    tone: Tone = "better" if (new < old) == (m.better == "lower") else "worse"
    return Finding(measure=m, tone=tone, sentence=f"{moved}; the 95 % intervals do not overlap.")


def _unfinished(evidence: Evidence) -> str:
    if not evidence.done:
        return "Training has not taken a step yet, so there is nothing to judge."
    if evidence.done == evidence.planned:
        return f"All {evidence.done} steps were taken, but the student was not measured after them."
    return (
        f"Training stopped at step {evidence.done} of {evidence.planned}, before the student was measured again. "
        "The same command with --resume goes on from the last checkpoint."
    )
