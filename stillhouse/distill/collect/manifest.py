"""`manifest.json` of a collection: who answered, by whose leave, to what, at what price, and what became of it.

A pure function of values that others measured, like that of a distillation run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stillhouse.distill.collect.selection import REASONS, Selection
from stillhouse.distill.collect.settings import CollectSettings

__all__ = ["MANIFEST_VERSION", "build_manifest", "count_outcomes", "rfc3339"]

MANIFEST_VERSION = "stillhouse.collection/1"


def count_outcomes(items: int, answers: Mapping[str, Mapping[str, Any]], selection: Selection) -> dict[str, Any]:
    """How many items there are and what became of each: answered + failed + to_ask = items, kept + dropped = answered.

    `dropped` and `failed` are given by reason and by kind of error; `checked` answers could be checked.
    """
    errors = Counter(str(line["error"]["kind"]) for line in answers.values() if "error" in line)
    reasons = Counter(str(line["reason"]) for line in selection.dropped)
    return {
        "items": items,
        "answered": len(answers) - errors.total(),
        "failed": errors.total(),
        "to_ask": items - len(answers),
        "kept": len(selection.messages),
        "dropped": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
        "errors": dict(sorted(errors.items())),
        "checked": selection.checked,
        "right": selection.right,
    }


def build_manifest(
    *,
    settings: CollectSettings,
    prompts: Sequence[Mapping[str, Any]],
    counts: Mapping[str, Any],
    calls: Mapping[str, Any],
    digests: Mapping[str, str],
    versions: Mapping[str, str],
    commit: str | None,
    command: Sequence[str],
    started: str,
    finished: str | None,
) -> dict[str, Any]:
    """The manifest as JSON values.

    `prompts` are the records of `stillhouse.distill.prompts.source_record`, `counts` those of `count_outcomes`, `calls` has
    `calls`, `tokens` and `usd`, summed over the log, and `digests` those of the files that were made. `finished` is
    None while items are left to ask.
    """
    teacher, endpoint = settings.teacher, settings.teacher.endpoint
    return {
        "v": MANIFEST_VERSION,
        "started": started,
        "finished": finished,
        "teacher": {
            "id": teacher.model,
            "endpoint": endpoint.base_url,
            "api": endpoint.api,
            "permission": teacher.permission,
        },
        "prompts": [dict(record) for record in prompts],
        "settings": settings.model_dump(mode="json", exclude={"teacher": True, "prompts": True})
        | {"request": dict(endpoint.extra)},
        "counts": dict(counts),
        "calls": calls["calls"],
        "tokens": dict(calls["tokens"]),
        "api_cost": {"value": calls["usd"], "currency": "USD"},
        "files": dict(digests),
        "versions": dict(sorted(versions.items())),
        "commit": commit,
        "command": list(command),
    }


def rfc3339(time: datetime) -> str:
    """An aware time in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
