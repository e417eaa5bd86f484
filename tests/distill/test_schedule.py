"""Rates, orders and caps of given steps, as numbers."""

import pytest

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.schedule import answer_cap, learning_rate, prompt_order, student_answers
from stillhouse.distill.sections import OptimizerSettings


def settings(**values: object) -> DistillSettings:
    base: dict[str, object] = {
        "teacher": {"model": "t", "permission": "Apache-2.0"},
        "student": {"model": "s"},
        "prompts": [{"name": "instructions"}],
        "steps": 1,
    }
    return DistillSettings.model_validate({**base, **values})


# 11 steps, a fifth of them warm-up: round(2.2) = 2. Decay goes from step 2 to step 10, so step s is (s - 2) / 8 of
# the way. Cosine: 0.1 + 0.9 (1 + cos(pi way)) / 2; at 1/4 that is 0.1 + 0.9 * 0.8535533905932737.
@pytest.mark.parametrize(
    ("decay", "step", "rate"),
    [
        ("cosine", 0, 0.5),
        ("cosine", 1, 1.0),
        ("cosine", 2, 1.0),
        ("cosine", 4, 0.8681980515339464),
        ("cosine", 6, 0.55),
        ("cosine", 10, 0.1),
        ("linear", 0, 0.5),
        ("linear", 4, 0.775),
        ("linear", 10, 0.1),
        ("constant", 0, 0.5),
        ("constant", 2, 1.0),
        ("constant", 10, 1.0),
    ],
)
def test_learning_rate(decay: str, step: int, rate: float) -> None:
    optimizer = OptimizerSettings.model_validate({"lr": 0.02, "warmup": 0.2, "decay": decay, "final": 0.1})
    assert learning_rate(optimizer, step, 11) == pytest.approx(0.02 * rate, rel=1e-12)


def test_learning_rate_of_very_short_runs() -> None:
    optimizer = OptimizerSettings(lr=1.0, warmup=0.05, final=0.1)
    assert learning_rate(optimizer, 0, 1) == 1.0  # the one step warms up, to the full rate
    assert [learning_rate(optimizer, step, 3) for step in range(3)] == pytest.approx([1.0, 1.0, 0.1])
    without = OptimizerSettings(lr=1.0, warmup=0.0, final=0.0, decay="linear")
    assert [learning_rate(without, step, 5) for step in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_every_n_prompts_are_a_permutation_and_each_epoch_another() -> None:
    order = prompt_order(3, 10, 0, 40)
    epochs = [order[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert prompt_order(4, 10, 0, 40) != order


@pytest.mark.parametrize("count", [1, 3, 7, 10, 25])
def test_order_goes_on_where_it_was(count: int) -> None:
    whole = prompt_order(1, 10, 0, 50)
    assert [prompt_order(1, 10, start, count) for start in range(26)] == [
        whole[start : start + count] for start in range(26)
    ]


def test_order_of_one_prompt() -> None:
    assert prompt_order(0, 1, 5, 3) == [0, 0, 0]


def test_share_of_student_answers() -> None:
    some = settings(lmbda=0.3)
    draws = [student_answers(some, phase, 500) for phase in range(20)]
    assert abs(sum(map(sum, draws)) / 10_000 - 0.3) < 0.02  # standard error 0.0046
    assert draws == [student_answers(some, phase, 500) for phase in range(20)]
    assert draws[0] != draws[1] and draws[0] != student_answers(settings(lmbda=0.3, seed=1), 0, 500)
    assert student_answers(settings(lmbda=1.0), 0, 500) == [True] * 500
    assert student_answers(settings(lmbda=0.0), 0, 500) == [False] * 500


def test_a_larger_share_only_adds_student_answers() -> None:
    less, more = (student_answers(settings(lmbda=lmbda), 2, 200) for lmbda in (0.2, 0.6))
    assert all(later for now, later in zip(less, more, strict=True) if now) and sum(more) > sum(less)


def test_answer_cap_grows_linearly() -> None:
    growing = settings(rollout={"max_new_tokens": 64, "start_new_tokens": 16, "grow_steps": 10})
    # 16 + 48 step / 10, cut down to a whole number.
    assert [answer_cap(growing, step) for step in (0, 1, 5, 9, 10, 99)] == [16, 20, 40, 59, 64, 64]
    assert answer_cap(settings(rollout={"max_new_tokens": 7}), 0) == 7
