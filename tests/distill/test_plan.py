"""The number of steps that a run plans: what it counts, and that planning changes nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.plan import steps_for


def test_plan_uses_its_answers_and_drops_its_gradients(make_trainer: Any, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    ticks = iter(range(10_000))
    trainer.clock = lambda: float(next(ticks))
    before = {name: value.clone() for name, value in trainer.optimizer.state().items()}
    steps = steps_for(trainer, 10.0)
    assert 1 < steps < 600 and trainer.step == 0 and len(trainer.store.read(0) or []) == 8
    assert all(p.grad is None for p in trainer.writers.student.model.parameters())
    assert all(torch.equal(before[name], value) for name, value in trainer.optimizer.state().items())
    assert steps_for(make_trainer(tmp_path / "b"), 1e-9) == 1


@pytest.fixture
def planned(make_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Steps planned for 10 000 ticks; a tick is one pass of the student, `update` ticks one update."""

    def steps(folder: Path, update: int = 0, **changes: Any) -> int:
        trainer, now = make_trainer(folder, **changes), [0.0]

        def pass_on(ticks: int) -> None:
            now[0] += ticks

        trainer.clock = lambda: now[0]
        hooks = [
            trainer.writers.student.model.base_model.register_forward_pre_hook(lambda module, args: pass_on(1)),
        ]
        step = MasterAdamW.step

        def paid(optimizer: MasterAdamW, lr: float) -> float:
            pass_on(update)
            return step(optimizer, lr)

        monkeypatch.setattr(MasterAdamW, "step", paid)
        found = steps_for(trainer, 10_000 / 60)
        for hook in hooks:
            hook.remove()
        monkeypatch.undo()
        return found

    return steps


def test_plan_counts_answers_that_a_killed_run_has_written(planned: Any, tmp_path: Path) -> None:
    assert planned(tmp_path) == planned(tmp_path) == planned(tmp_path / "other")


def test_plan_counts_growing_answers_at_their_full_length(planned: Any, tmp_path: Path) -> None:
    short = planned(tmp_path / "a", rollout__max_new_tokens=5)
    growing = planned(tmp_path / "b", rollout__start_new_tokens=5, rollout__grow_steps=6)
    assert growing == pytest.approx(short / 2, abs=1)


def test_plan_counts_the_update(planned: Any, tmp_path: Path) -> None:
    free, paid = planned(tmp_path / "a"), planned(tmp_path / "b", update=1000)
    assert paid == int(10_000 / (10_000 / free + 1000))
