"""Names, order and form of the measures of `evaluation.json`."""

import pytest

from stillhouse.distill.measures import Kind, cell_text, interval_text, measure, measure_order, value_text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("nats", 3.4127, "3.413"),
        ("nats", 0.04567, "0.0457"),
        ("nats", 0.0, "0.000"),
        ("share", 0.6471, "64.7 %"),
        ("count", 56.84, "56.8"),
        ("plain", 1234.56, "1235"),
    ],
)
def test_value_text(kind: Kind, value: float, text: str) -> None:
    assert value_text(kind, value) == text


def test_interval_names_the_unit_once_and_may_be_missing() -> None:
    assert interval_text("share", {"low": 0.301, "high": 0.332}) == "30.1 to 33.2 %"
    assert interval_text("share", {"low": None, "high": None}) == ""


def test_cell_has_value_and_interval() -> None:
    assert cell_text("kl_to_teacher", {"value": 0.4, "low": 0.3, "high": 0.5}) == "0.400 (0.300 to 0.500)"
    assert cell_text("top1_agreement", {"value": 0.4}) == "40.0 %"


def test_order_puts_divergences_first_and_length_last() -> None:
    keys = ["answer_length", "zeta", "exact_match/gsm8k", "top1_agreement", "kl_to_teacher", "kl_to_teacher"]
    assert measure_order(keys) == ["kl_to_teacher", "top1_agreement", "exact_match/gsm8k", "zeta", "answer_length"]


def test_order_puts_cut_answers_beside_the_divergence_that_they_bias() -> None:
    divergences = ["kl_to_teacher_per_byte", "cut_answers/teacher", "on_policy_kl_per_byte", "cut_answers/student"]
    assert measure_order([*sorted(divergences), "exact_match/gsm8k"]) == [*divergences, "exact_match/gsm8k"]


def test_task_is_named_with_its_source() -> None:
    task = measure("exact_match/reasoning-gym/gsm_symbolic")
    assert (task.label, task.meaning) == ("Exact match, gsm_symbolic", "share of right final answers (reasoning-gym)")
    assert measure("exact_match/gsm8k").meaning == "share of right final answers"
    assert measure("zeta").better is None
