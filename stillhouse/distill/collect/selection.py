"""Which answers are kept: a function of the items in their order, never of the order in which answers came.

So a run that was killed and resumed, or asked at another concurrency, keeps the same answers to the byte.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stillhouse.distill.collect.items import Item
from stillhouse.distill.collect.near import NearDuplicates
from stillhouse.distill.collect.settings import CollectSettings, FilterSettings
from stillhouse.distill.safety.refusal import is_refusal
from stillhouse.distill.tasks import check, is_checkable

__all__ = ["REASONS", "Selection", "fault", "select"]

REASONS = ("empty", "end not told", "truncated", "too short", "too long", "refusal", "wrong", "near-duplicate")
"""Why an answer is dropped, in the order in which it is looked for: the first that holds is the reason."""


@dataclass(slots=True)
class Selection:
    """`messages` and `dropped` are the lines of the two files; `checked` and `right` count checkable answers."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    checked: int = 0
    right: int = 0


def select(items: Sequence[Item], answers: Mapping[str, Mapping[str, Any]], settings: CollectSettings) -> Selection:
    """Sort out the answers (lines of `Answers`, by id); items without one, or with an error, are in neither list."""
    found = Selection()
    near = None if settings.dedup is None else NearDuplicates(settings.dedup, settings.seed)
    for item in items:
        answer = answers.get(item.id)
        if answer is None or "error" in answer:
            continue
        text = str(answer["text"]).strip()
        right = check(item.prompt, text) if is_checkable(item.prompt) else None
        found.checked += right is not None
        found.right += right is True
        about: dict[str, Any] = {"id": item.id, "prompt": item.prompt.id}
        reason = fault(text, answer["finish_reason"], right, settings.filters)
        if reason is None and near is not None:
            asked = "\n".join(turn.content for turn in item.prompt.messages)
            first = near.first_like(item.id, asked, text)
            if first is not None:
                reason, about["of"] = "near-duplicate", first
        if reason is not None:
            found.dropped.append({**about, "reason": reason, "text": answer["text"]})
            continue
        turns = [turn.as_dict() for turn in item.messages] + [{"role": "assistant", "content": text}]
        found.messages.append({"messages": turns, **about, "finish_reason": answer["finish_reason"]})
    return found


def fault(text: str, finish_reason: str, right: bool | None, filters: FilterSettings) -> str | None:
    """The first of `REASONS` that holds of a stripped answer taken by itself, or None.

    `right` is None where nothing can be checked.
    """
    if not text:
        return "empty"
    # Whatever else an endpoint calls it (a content filter, a full context), it did not end by itself.
    if finish_reason not in ("stop", "refusal") and filters.truncated == "drop":
        return "end not told" if finish_reason == "unknown" else "truncated"
    if len(text) < filters.min_chars:
        return "too short"
    if filters.max_chars is not None and len(text) > filters.max_chars:
        return "too long"
    if filters.refusals == "drop" and (finish_reason == "refusal" or is_refusal(text)):
        return "refusal"
    if filters.checkable == "right" and right is False:
        return "wrong"
    return None
