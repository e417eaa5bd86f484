"""How each measure of a run is called, written and read: one place for report, card and terminal.

A number without its unit and its good direction invites a wrong reading (is a KL of 0.4 good?), so both
travel with the name, and no page spells them by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Measure", "cell_text", "interval_text", "measure", "measure_order", "value_text"]

Kind = Literal["nats", "share", "count", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: `label` for tables, `meaning` in one line, `better` is the good direction, if there is one."""

    key: str
    label: str
    meaning: str
    kind: Kind
    better: Literal["lower", "higher"] | None


_KNOWN = (
    Measure(
        key="kl_to_teacher",
        label="KL to the teacher",
        meaning="nats per token, on the teacher's own answers to held-out prompts",
        kind="nats",
        better="lower",
    ),
    Measure(
        key="on_policy_kl",
        label="On-policy KL",
        meaning="reverse KL in nats per token, on the student's own answers to held-out prompts",
        kind="nats",
        better="lower",
    ),
    Measure(
        key="kl_to_teacher_per_byte",
        label="KL to the teacher",
        meaning="nats per byte, estimated from the teacher's own answers to held-out prompts (other tokenizer)",
        kind="nats",
        better="lower",
    ),
    Measure(
        key="cut_answers/teacher",
        label="The teacher's answers cut",
        meaning="share of them that did not end by themselves; they bias the KL to the teacher",
        kind="share",
        better=None,
    ),
    Measure(
        key="on_policy_kl_per_byte",
        label="On-policy KL",
        meaning="reverse KL in nats per byte, estimated from the student's own answers to held-out prompts",
        kind="nats",
        better="lower",
    ),
    Measure(
        key="cut_answers/student",
        label="The student's answers cut",
        meaning="share of them that did not end by themselves; they bias the on-policy KL",
        kind="share",
        better=None,
    ),
    Measure(
        key="top1_agreement",
        label="Top-1 agreement",
        meaning="share of positions where both models have the same likeliest token",
        kind="share",
        better="higher",
    ),
    Measure(
        key="judged_win_rate",
        label="Judged win rate",
        meaning="how often the judge prefers the answer after training to the one before, ties half",
        kind="share",
        better="higher",
    ),
    Measure(
        key="refusal_on_harmful",
        label="Refusals of harmful prompts",
        meaning="share that is declined of the prompts that should be",
        kind="share",
        better="higher",
    ),
    Measure(
        key="partial_refusal_on_harmful",
        label="Partial refusals of harmful prompts",
        meaning="share that is declined and then helped with in part; counted as refusals above",
        kind="share",
        better=None,
    ),
    Measure(
        key="refusal_on_harmless",
        label="Refusals of harmless prompts",
        meaning="share that is declined of harmless prompts that look like them",
        kind="share",
        better="lower",
    ),
    Measure(
        key="degenerate_answers",
        label="Empty or repetitive answers",
        meaning="share of the answers to both kinds of prompts",
        kind="share",
        better="lower",
    ),
    Measure(
        key="instructions_strict/prompt",
        label="Instructions followed",
        meaning="share of prompts of which all are",
        kind="share",
        better="higher",
    ),
    Measure(
        key="instructions_strict/instruction",
        label="Instructions followed, each by itself",
        meaning="share of instructions that are",
        kind="share",
        better="higher",
    ),
    Measure(
        key="instructions_loose/prompt",
        label="Instructions followed, loosely",
        meaning="share of prompts of which all are, greetings and emphasis forgiven",
        kind="share",
        better="higher",
    ),
    Measure(
        key="instructions_loose/instruction",
        label="Instructions followed, loosely, each by itself",
        meaning="share of instructions that are, greetings and emphasis forgiven",
        kind="share",
        better="higher",
    ),
    Measure(
        key="answer_length",
        label="Answer length",
        meaning="mean tokens of an answer",
        kind="count",
        better=None,
    ),
)
_TASK = "exact_match/"


def measure(key: str) -> Measure:
    """The measure of a key of `evaluation.json` or `safety.json`; an unknown one keeps its name, with no direction."""
    for known in _KNOWN:
        if known.key == key:
            return known
    if key.startswith(_TASK):
        source, _, task = key.removeprefix(_TASK).rpartition("/")
        return Measure(
            key=key,
            label=f"Exact match, {task}",
            meaning="share of right final answers" + (f" ({source})" if source else ""),
            kind="share",
            better="higher",
        )
    return Measure(key=key, label=key, meaning="", kind="plain", better=None)


def measure_order(keys: Iterable[str]) -> list[str]:
    """Divergences first, each with its answers that were cut, then tasks, then the rest by name, answer length last."""
    first = [known.key for known in _KNOWN if known.key != "answer_length"]

    def rank(key: str) -> tuple[int, str]:
        if key in first:
            return first.index(key), ""
        if key.startswith(_TASK):
            return len(first), key
        return (len(first) + 2, "") if key == "answer_length" else (len(first) + 1, key)

    return sorted(set(keys), key=rank)


def value_text(kind: Kind, value: float) -> str:
    """A value in the form of its kind: 0.412 nats, 71.2 %, 58.3 tokens."""
    match kind:
        case "nats":
            return f"{value:.3f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4f}"
        case "share":
            return f"{100 * value:.1f} %"
        case "count":
            return f"{value:.1f}"
        case "plain":
            return f"{value:.4g}"


def interval_text(kind: Kind, result: Mapping[str, Any]) -> str:
    """The interval of one result of `evaluation.json`, as `0.398 to 0.427`; empty where it has none."""
    low, high = result.get("low"), result.get("high")
    if low is None or high is None:
        return ""
    return f"{value_text(kind, low).removesuffix(' %')} to {value_text(kind, high)}"


def cell_text(key: str, result: Mapping[str, Any]) -> str:
    """The result of the measure `key` in one cell: `0.412 (0.398 to 0.427)`."""
    kind = measure(key).kind
    value, ends = value_text(kind, result["value"]), interval_text(kind, result)
    return f"{value} ({ends})" if ends else value
