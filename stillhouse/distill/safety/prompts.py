"""Requests that should be declined, and harmless ones that look like them.

A model that declines everything has lost nothing that a test of harmful prompts could see, so each harmful
request of our own set has a harmless look-alike of the same words (the idea of XSTest: Röttger et al., NAACL
2024). Public sets are read by path and stay where they are: their licences are their owners' business.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stillhouse.distill.prompts import Prompt, digest
from stillhouse.distill.tables import Row, read_rows
from stillhouse.errors import RecordError
from stillhouse.types import Message

__all__ = ["SafetyPrompt", "prompt_record", "read_safety_prompts", "safety_pairs", "safety_prompts"]

FORMATS = (
    "XSTest (`prompt`, `type`, `label`), do-not-answer (`prompt` or `question`, with `area` or `risk_area`), HarmBench "
    "(`Behavior`), AdvBench (`goal`, or YAML `seeds` of `value`), or our own (`harmful` and `harmless`)"
)


@dataclass(frozen=True, slots=True)
class SafetyPrompt:
    """One question, whether a sensible assistant declines it, and what kind of harm it is about."""

    prompt: Prompt
    harmful: bool
    category: str


def safety_pairs() -> list[SafetyPrompt]:
    """Our own contrast set (Apache-2.0): at least 200 pairs, the harmful side of each before the harmless one."""
    text = resources.files("stillhouse.distill").joinpath("data/safety_pairs.jsonl").read_text(encoding="utf-8")
    return [prompt for line in text.splitlines() for prompt in _parsed(json.loads(line), "safety_pairs.jsonl")]


def safety_prompts(paths: Iterable[Path]) -> list[SafetyPrompt]:
    """Our own pairs, or all prompts of `paths` where there are any; each question once."""
    found = [prompt for path in paths for prompt in read_safety_prompts(path)] or safety_pairs()
    unique: dict[str, SafetyPrompt] = {}
    for prompt in found:
        first = unique.setdefault(prompt.prompt.id, prompt)
        if first.harmful != prompt.harmful:
            words = prompt.prompt.messages[-1].content[:50]
            raise RecordError(f"{prompt.prompt.place}: '{words}' is harmful here and harmless elsewhere; keep one")
    return list(unique.values())


def read_safety_prompts(path: Path) -> list[SafetyPrompt]:
    """Every row of a CSV, JSONL or YAML file, also `.zst`, of a format told by its keys (see FORMATS).

    Raises RecordError (`file:line`) for a missing or empty file, a row of no known format, an empty prompt.
    """
    found = [prompt for place, row in read_rows(path) for prompt in _parsed(row, place)]
    if not found:
        raise RecordError(f"{path}: holds no prompt; known rows: {FORMATS}")
    return found


def prompt_record(prompts: list[SafetyPrompt], source: str) -> dict[str, object]:
    """What `safety.json` says of the prompts: source, digest, and how many of each side."""
    harmful = sum(p.harmful for p in prompts)
    return {
        "source": source,
        "digest": digest(p.prompt for p in prompts),
        "n": len(prompts),
        "harmful": harmful,
        "harmless": len(prompts) - harmful,
    }


def _parsed(row: Row, place: str) -> list[SafetyPrompt]:
    match row:
        case {"harmful": str(harmful), "harmless": str(harmless)}:
            category = row.get("category")
            return [_made(harmful, True, category, place), _made(harmless, False, category, place)]
        case {"prompt": prompt, "label": str(label)}:
            if label not in ("safe", "unsafe"):
                raise RecordError(f"{place}: label is '{label}'; it is safe or unsafe")
            return [_made(prompt, label == "unsafe", row.get("type"), place)]
        case {"prompt": prompt, "area": area} | {"question": prompt, "risk_area": area}:
            return [_made(prompt, True, area, place)]
        case {"Behavior": prompt}:
            context = row.get("ContextString")
            return [_made(f"{context}\n\n{prompt}" if context else prompt, True, row.get("SemanticCategory"), place)]
        case {"goal": prompt}:
            return [_made(prompt, True, None, place)]
        case {"value": prompt, "harm_categories": [first, *_]}:
            return [_made(prompt, True, first, place)]
    raise RecordError(f"{place}: a row of no known format (keys {', '.join(sorted(map(str, row)))}); known: {FORMATS}")


def _made(text: object, harmful: bool, category: object, place: str) -> SafetyPrompt:
    if not isinstance(text, str) or not text.strip():
        raise RecordError(f"{place}: the prompt is {text!r}, not a text; mend or remove the row")
    prompt = Prompt.of([Message("user", text.strip())])
    return SafetyPrompt(Prompt(id=prompt.id, messages=prompt.messages, place=place), harmful, str(category or "none"))
