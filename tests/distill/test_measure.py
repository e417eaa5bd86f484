"""Measuring a finished student outside a run gives the run's own kind of figures."""

from pathlib import Path

import pytest

from stillhouse.distill.measure import measure
from stillhouse.errors import ModelError
from tests.tiny import Pair


def found(model: Path, pair: Pair, seed: int = 0, context: int = 200) -> dict[str, dict[str, dict[str, float]]]:
    parts: list[str] = []
    measured = measure(
        str(model),
        str(pair.teacher),
        prompts=pair.prompts,
        limit=6,
        max_prompt_tokens=context,
        max_new_tokens=5,
        tasks=["chain_sum"],
        seed=seed,
        progress=parts.append,
    )
    assert "distance from the teacher" in parts
    return measured


def test_student_and_teacher_rows(pair: Pair) -> None:
    measured = found(pair.student, pair)
    names = {"kl_to_teacher", "on_policy_kl", "top1_agreement", "exact_match/reasoning-gym/chain_sum", "answer_length"}
    assert measured.pop("prompts") == {"source": str(pair.prompts), "held_out": False, "count": 6}
    assert set(measured) == {"teacher", "student"}
    assert set(measured["student"]) == set(measured["teacher"]) == names
    assert all(set(m) == {"value", "low", "high", "n", "method"} for row in measured.values() for m in row.values())
    assert measured["student"]["kl_to_teacher"]["value"] > 0.5 and measured["student"]["kl_to_teacher"]["n"] == 6


def test_teacher_measured_as_a_student_is_no_distance_away(pair: Pair) -> None:
    row = found(pair.teacher, pair)["student"]
    assert row["kl_to_teacher"]["value"] == row["on_policy_kl"]["value"] == 0
    assert row["top1_agreement"]["value"] == 1


def test_context_is_checked(pair: Pair) -> None:
    with pytest.raises(ModelError, match="reads at most 512 tokens, but prompts and answers can reach 515"):
        found(pair.student, pair, context=510)
