"""The training loop's own promises: answers come from the store if they are there, and a step is whole or not done."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import encode_prompts
from stillhouse.distill.network import Network
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts import read_prompts
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.train import Totals, Trainer, steps_for, uninterrupted
from stillhouse.errors import TrainingError
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings


@pytest.fixture
def make(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, pair: Pair) -> Any:
    def trainer(folder: Path, precision: torch.dtype = torch.float32, **changes: Any) -> Trainer:
        settings = DistillSettings.model_validate(run_settings(pair, **changes))
        size = len(tiny_tokenizer)
        models: list[Any] = [tiny_llama(3, seed=1), tiny_llama(2, seed=2)]
        teacher, student = (model.to(precision) for model in models)
        teacher.requires_grad_(False)
        writers = Writers(Network(student, size), Network(teacher, size), tiny_tokenizer, frozenset({2}))
        prompts = encode_prompts(tiny_tokenizer, list(read_prompts(pair.prompts)), longest=200)
        return Trainer(writers, prompts, settings, folder)

    return trainer


def lines_of(trainer: Trainer, steps: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    trainer.run(steps, lambda step, line: lines.append(line))
    return lines


def test_stored_answers_are_read_and_not_written_again(make: Any, tmp_path: Path) -> None:
    planted = [Rollout("planted", (1, 5, 6, 7), (8, 9, 10, 2), (-1.0,) * 4, "stop", "student") for _ in range(8)]
    first = make(tmp_path / "a")
    first.store.write(0, planted)
    content = first.store.path(0).read_bytes()
    line = lines_of(first, 1)[0]
    assert line["tokens"] == 16 and line["answer_length"] == 4 and line["clipped_ratio"] == 0
    assert first.store.path(0).read_bytes() == content
    other = make(tmp_path / "b")
    other.store.write(0, [replace(p, tokens=(20, 21, 22, 2)) for p in planted])
    assert lines_of(other, 1)[0]["loss"] != line["loss"]


def test_one_phase_serves_several_steps(make: Any, tmp_path: Path) -> None:
    trainer = make(tmp_path, rollout__steps_ahead=3)
    assert len(lines_of(trainer, 4)) == 4
    assert len(list(trainer.store.folder.iterdir())) == 2
    assert [len(trainer.store.read(phase) or []) for phase in (0, 1)] == [12, 12]
    answers = trainer.store.read(0) or []
    fresh = make(tmp_path)
    assert DistillSettings.model_validate(trainer.settings) == trainer.settings
    fresh.settings = trainer.settings
    assert [fresh.answers(step) for step in range(3)] == [answers[:4], answers[4:8], answers[8:]]


def test_resumed_trainer_stands_where_the_other_stood(make: Any, tmp_path: Path) -> None:
    first = make(tmp_path)
    lines_of(first, 3)
    second = make(tmp_path)
    assert second.resume() == [] and second.step == 3
    assert second.totals == first.totals and isinstance(second.totals, Totals)
    ours, theirs = second.optimizer.state(), first.optimizer.state()
    assert set(ours) == set(theirs) and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_loss_that_is_not_a_number_changes_nothing(make: Any, tmp_path: Path) -> None:
    trainer = make(tmp_path)
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


def test_interrupt_inside_an_update_waits_for_its_end(make: Any, tmp_path: Path) -> None:
    trainer = make(tmp_path)
    real, seen = trainer.optimizer.step, []

    def interrupted(lr: float) -> float:
        if trainer.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return float(real(lr))

    trainer.optimizer.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.run(9, lambda step, line: seen.append(step))
    assert seen == [1, 2] and trainer.step == 2
    whole = make(tmp_path / "whole")
    lines_of(whole, 9)
    again = make(tmp_path)
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


def test_plan_uses_its_answers_and_drops_its_gradients(make: Any, tmp_path: Path) -> None:
    trainer = make(tmp_path)
    ticks = iter(range(10_000))
    trainer.clock = lambda: float(next(ticks))
    before = {name: value.clone() for name, value in trainer.optimizer.state().items()}
    steps = steps_for(trainer, 10.0)
    assert 1 < steps < 600 and trainer.step == 0 and len(trainer.store.read(0) or []) == 8
    assert all(p.grad is None for p in trainer.writers.student.model.parameters())
    assert all(torch.equal(before[name], value) for name, value in trainer.optimizer.state().items())
    assert steps_for(make(tmp_path / "b"), 1e-9) == 1


def test_checkpoint_of_weights_that_are_not_finite_is_refused(make: Any, tmp_path: Path) -> None:
    lines_of(make(tmp_path, checkpoint__every=1, checkpoint__keep=1), 2)
    spoilt = make(tmp_path, checkpoint__every=1, checkpoint__keep=1, optimizer__lr=1e40)
    spoilt.resume()
    with pytest.raises(TrainingError, match=r"^step 3: .* is not finite after the update; the last checkpoint"):
        lines_of(spoilt, 5)
    again = make(tmp_path)
    assert again.resume() == [] and again.step == 2
    assert all(tensor.isfinite().all() for tensor in again.optimizer.state().values())


@pytest.fixture
def planned(make: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Steps planned for 10 000 ticks; a tick is one pass of the student, `update` ticks one update."""

    def steps(folder: Path, update: int = 0, **changes: Any) -> int:
        trainer, now = make(folder, **changes), [0.0]

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


@pytest.mark.parametrize(("micro_batch", "dtype"), [(2, torch.float32), (4, torch.bfloat16)])
def test_bfloat16_gradients_are_summed_in_float32_where_several_micro_batches_make_a_step(
    micro_batch: int, dtype: torch.dtype, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(tmp_path, micro_batch=micro_batch, precision=torch.bfloat16)
    seen: list[set[torch.dtype]] = []
    step = MasterAdamW.step

    def look(optimizer: MasterAdamW, lr: float) -> float:
        seen.append({gradient.dtype for gradient in optimizer.gradients().values()})
        return step(optimizer, lr)

    monkeypatch.setattr(MasterAdamW, "step", look)
    lines_of(trainer, 1)
    assert seen == [{dtype}]
    assert trainer.writers.student.model.get_input_embeddings().sparse, "a tied embedding hands over rows"
