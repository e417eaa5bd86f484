"""`manifest.json` of a collection: who answered, by whose leave, to what, at what price, and what became of it.

A pure function of values that others measured, like that of a distillation run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stillhouse.distill.collect.selection import REASONS, Selection
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.models.spending import Spending

__all__ = ["MANIFEST_VERSION", "build_manifest", "count_outcomes", "rfc3339"]

MANIFEST_VERSION = "stillhouse.collection/1"


def count_outcomes(items: int, answers: Mapping[str, Mapping[str, Any]], selection: Selection) -> dict[str, Any]:
    """How many items there are and what became of each: answered + failed + to_ask = items, kept + dropped = answered.

    `dropped` is given by reason. `checked` answers could be checked, and `right` ones of them are.
    """
    failed = sum("error" in line for line in answers.values())
    reasons = Counter(str(line["reason"]) for line in selection.dropped)
    return {
        "items": items,
        "answered": len(answers) - failed,
        "failed": failed,
        "to_ask": items - len(answers),
        "kept": len(selection.messages),
        "dropped": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
        "checked": selection.checked,
        "right": selection.right,
    }


def build_manifest(
    *,
    settings: CollectSettings,
    prompts: Sequence[Mapping[str, Any]],
    counts: Mapping[str, Any],
    spent: Spending,
    failed_tries: Mapping[str, int],
    digests: Mapping[str, str],
    versions: Mapping[str, str],
    commit: str | None,
    command: Sequence[str],
    started: str,
    finished: str | None,
) -> dict[str, Any]:
    """The manifest as JSON values.

    `prompts` are the records of `stillhouse.distill.prompts.source_record`, `counts` come from `count_outcomes`,
    `spent` is the sum over the log of calls, `failed_tries` counts its error answers by kind, and `digests` are those
    of the files that were made. `finished` is None while items are left to ask.
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
        "calls": {"answered": spent.calls, "failed_tries": dict(sorted(failed_tries.items()))},
        "tokens": {"input": spent.input_tokens, "output": spent.output_tokens, "total": spent.tokens},
        "api_cost": {"value": spent.usd, "currency": "USD"},
        "files": dict(digests),
        "versions": dict(sorted(versions.items())),
        "commit": commit,
        "command": list(command),
    }


def rfc3339(time: datetime) -> str:
    """An aware time in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
