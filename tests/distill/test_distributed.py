"""Two processes that share a run train as one does: the same losses, weights, answers and files."""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.distributed import ALONE, Processes, check_shares, started
from stillhouse.errors import ConfigError
from tests.command import Command, Result, Running
from tests.tiny import Pair, rows, run_settings, write_yaml

STEPS = 6
KINDS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"dtype": "bfloat16", "lmbda": 0.0, "given": "reference"},
    "lora": {"lora": {"r": 4, "targets": "all-linear"}},
    "recomputed": {"activation_checkpointing": True},
}


class Together:
    """The command as `torchrun` starts it, once for each process."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def start(self, *args: str | Path, size: int = 2) -> list[Running]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        ranks = [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]
        return [self.command.start(*args, environment=own) for own in ranks]

    def __call__(self, *args: str | Path, size: int = 2) -> list[Result]:
        return [running.wait() for running in self.start(*args, size=size)]


@pytest.fixture(scope="module")
def together(command: Command) -> Together:
    return Together(command)


@pytest.fixture(scope="module")
def config(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("config")

    def write(kind: str) -> Path:
        common = {"steps": STEPS, "rollout__steps_ahead": 3, "checkpoint__every": 2, "lmbda": 0.7}
        changes = {**common, **KINDS[kind]}
        if kind == "recomputed":
            changes["student"] = {"prune": str(pair.teacher), "layers": 2}
        return write_yaml(folder / f"{kind}.yaml", run_settings(pair, **changes))

    return write


def checkpoint(run: Path, step: int = STEPS) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"step-{step:06d}" / "tensors.safetensors")


def losses(run: Path) -> torch.Tensor:
    return torch.tensor([[m["loss"], m["kl"], m["grad_norm"]] for m in rows(run / "metrics.jsonl")])


@pytest.mark.parametrize("kind", list(KINDS))
def test_two_processes_train_as_one(
    kind: str, config: Callable[[str], Path], command: Command, together: Together, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert command("distill", "run", config(kind), "--out", one, "--quiet").code == 0
    results = together("distill", "run", config(kind), "--out", two, "--quiet")
    assert [(r.code, r.err) for r in results] == [(0, ""), (0, "")]
    assert "two/student" in results[0].out and results[1].out == ""
    tolerance = 1e-2 if kind == "bfloat16" else 1e-5
    torch.testing.assert_close(losses(two), losses(one), rtol=tolerance, atol=tolerance)
    assert {p.name for p in two.iterdir()} == {p.name for p in one.iterdir()}
    ours, theirs = checkpoint(two), checkpoint(one)
    assert ours.keys() == theirs.keys()
    assert {k: (t.shape, t.dtype) for k, t in ours.items()} == {k: (t.shape, t.dtype) for k, t in theirs.items()}
    if kind == "bfloat16":
        return
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=1e-4, msg=name)
    for phase in (one / "rollouts").iterdir():
        mine, given = rows(two / "rollouts" / phase.name), rows(phase)
        assert [(r["id"], r["source"], r["finish_reason"]) for r in mine] == [
            (r["id"], r["source"], r["finish_reason"]) for r in given
        ]
    before, after = (json.loads((run / "evaluation.json").read_text()) for run in (one, two))
    assert after["after"]["kl_to_teacher"]["value"] == pytest.approx(before["after"]["kl_to_teacher"]["value"], rel=1e-3)
