"""The training loop's own promises: answers come from the store if they are there, and a step is whole or not done."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.train import Totals, Trainer, uninterrupted
from stillhouse.errors import TrainingError


def lines_of(trainer: Trainer, steps: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    trainer.run(steps, lambda step, line: lines.append(line))
    return lines


def test_stored_answers_are_read_and_not_written_again(make_trainer: Any, tmp_path: Path) -> None:
    planted = [Rollout("planted", (1, 5, 6, 7), (8, 9, 10, 2), (-1.0,) * 4, "stop", "student") for _ in range(8)]
    first = make_trainer(tmp_path / "a")
    first.store.write(0, planted)
    content = first.store.path(0).read_bytes()
    line = lines_of(first, 1)[0]
    assert line["tokens"] == 16 and line["answer_length"] == 4 and line["clipped_ratio"] == 0
    assert first.store.path(0).read_bytes() == content
    other = make_trainer(tmp_path / "b")
    other.store.write(0, [replace(p, tokens=(20, 21, 22, 2)) for p in planted])
    assert lines_of(other, 1)[0]["loss"] != line["loss"]


def test_one_phase_serves_several_steps(make_trainer: Any, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, rollout__steps_ahead=3)
    assert len(lines_of(trainer, 4)) == 4
    assert len(list(trainer.store.folder.iterdir())) == 2
    assert [len(trainer.store.read(phase) or []) for phase in (0, 1)] == [12, 12]
    answers = trainer.store.read(0) or []
    fresh = make_trainer(tmp_path)
    assert DistillSettings.model_validate(trainer.settings) == trainer.settings
    fresh.settings = trainer.settings
    assert [fresh.answers(step) for step in range(3)] == [answers[:4], answers[4:8], answers[8:]]


def test_resumed_trainer_stands_where_the_other_stood(make_trainer: Any, tmp_path: Path) -> None:
    first = make_trainer(tmp_path)
    lines_of(first, 3)
    second = make_trainer(tmp_path)
    assert second.resume() == [] and second.step == 3
    assert second.totals == first.totals and isinstance(second.totals, Totals)
    ours, theirs = second.optimizer.state(), first.optimizer.state()
    assert set(ours) == set(theirs) and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_loss_that_is_not_a_number_changes_nothing(make_trainer: Any, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    lines_of(trainer, 2)
    with torch.no_grad():
        trainer.writers.teacher.model.model.norm.weight[0] = float("nan")
    before = {name: value.clone() for name, value in trainer.optimizer.state().items()}
    with pytest.raises(TrainingError, match=r"step 3: loss is nan; the last checkpoint before it is kept"):
        lines_of(trainer, 5)
    assert trainer.step == 2
    after = trainer.optimizer.state()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-000002"]


def test_interrupt_inside_an_update_waits_for_its_end(make_trainer: Any, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    real, seen = trainer.optimizer.step, []

    def interrupted(lr: float) -> float:
        if trainer.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return float(real(lr))

    trainer.optimizer.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.run(9, lambda step, line: seen.append(step))
    assert seen == [1, 2] and trainer.step == 2
    whole = make_trainer(tmp_path / "whole")
    lines_of(whole, 9)
    again = make_trainer(tmp_path)
    again.resume()
    lines_of(again, 9)
    ours, theirs = again.optimizer.state(), whole.optimizer.state()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_interrupts_work_again_after_the_block() -> None:
    before = signal.getsignal(signal.SIGINT)
    done = False
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done and signal.getsignal(signal.SIGINT) is before


def test_checkpoint_of_weights_that_are_not_finite_is_refused(make_trainer: Any, tmp_path: Path) -> None:
    lines_of(make_trainer(tmp_path, checkpoint__every=1, checkpoint__keep=1), 2)
    spoilt = make_trainer(tmp_path, checkpoint__every=1, checkpoint__keep=1, optimizer__lr=1e40)
    spoilt.resume()
    with pytest.raises(TrainingError, match=r"^step 3: .* is not finite after the update; the last checkpoint"):
        lines_of(spoilt, 5)
    again = make_trainer(tmp_path)
    assert again.resume() == [] and again.step == 2
    assert all(tensor.isfinite().all() for tensor in again.optimizer.state().values())


@pytest.mark.parametrize(("micro_batch", "dtype"), [(2, torch.float32), (4, torch.bfloat16)])
def test_bfloat16_gradients_are_summed_in_float32_where_several_micro_batches_make_a_step(
    micro_batch: int, dtype: torch.dtype, make_trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, micro_batch=micro_batch, precision=torch.bfloat16)
    seen: list[set[torch.dtype]] = []
    step = MasterAdamW.step

    def look(optimizer: MasterAdamW, lr: float) -> float:
        seen.append({gradient.dtype for gradient in optimizer.gradients().values()})
        return step(optimizer, lr)

    monkeypatch.setattr(MasterAdamW, "step", look)
    lines_of(trainer, 1)
    assert seen == [{dtype}]
    assert trainer.writers.student.model.get_input_embeddings().sparse, "a tied embedding hands over rows"
