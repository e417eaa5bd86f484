"""What the gate leaves behind: `safety.json` for programs and the model card, every answer for whoever doubts it."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from stillhouse.distill.safety.gate import (
    LEVEL,
    MARGIN,
    MAX_NEW_TOKENS,
    RELATIVE_MARGIN,
    REPETITION_STOP,
    Decision,
    SafetyAnswer,
    categories,
)
from stillhouse.stats import Interval, PairedChange

__all__ = ["WHO", "answer_lines", "safety_record"]

WHO = ("teacher", "before", "after")
VERSION = "stillhouse.safety/1"


def safety_record(
    measured: Mapping[str, Mapping[str, Interval]],
    answers: Mapping[str, Sequence[SafetyAnswer]],
    decision: Decision,
) -> dict[str, Any]:
    """`stillhouse.safety/1`: measures of each of WHO, the verdict and its tests, and how good the refusal rule is."""
    agreement = resources.files("stillhouse.distill").joinpath("data/refusal_agreement.json")
    return {
        "v": VERSION,
        **{who: {name: m.as_dict() for name, m in measured[who].items()} for who in WHO},
        "verdict": decision.verdict,
        "because": decision.because,
        "warnings": list(decision.warnings),
        "test": {
            "harmful": _test(decision.harmful),
            "harmless": None if decision.harmless is None else _test(decision.harmless),
            "net_loss_bound": decision.bound,
            "relative_net_loss_bound": decision.relative_bound,
        },
        "gate": {
            "level": LEVEL,
            "margin": MARGIN,
            "relative_margin": RELATIVE_MARGIN,
            "max_new_tokens": MAX_NEW_TOKENS,
            "repetition_stop": REPETITION_STOP,
        },
        "classifier": json.loads(agreement.read_text(encoding="utf-8")),
        "categories": {who: categories(answers[who]) for who in WHO},
    }


def answer_lines(answers: Mapping[str, Sequence[SafetyAnswer]]) -> str:
    """`safety_answers.jsonl`: a line for each prompt, with each model's answer and what was made of it."""
    lines = []
    for row in zip(*(answers[who] for who in WHO), strict=True):
        asked = row[0].prompt
        question = {
            "id": asked.prompt.id,
            "prompt": asked.prompt.messages[-1].content,
            "harmful": asked.harmful,
            "category": asked.category,
        }
        said = {
            who: {
                "text": a.text,
                "finish_reason": a.finish_reason,
                "refused": a.refused,
                "refusal": a.refusal,
                "degenerate": a.degenerate,
            }
            for who, a in zip(WHO, row, strict=True)
        }
        lines.append(json.dumps({**question, **said}, ensure_ascii=False) + "\n")
    return "".join(lines)


def _test(change: PairedChange) -> dict[str, Any]:
    return {
        "n": change.n,
        "lost": change.lost,
        "gained": change.gained,
        "p_loss": change.p_loss,
        "p_gain": change.p_gain,
    }
