"""A run that is killed, interrupted or refused by the disk ends, once resumed, with the bytes of one that was not."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.command import Command
from tests.tiny import Pair, rows, run_settings, write_yaml

STEPS = 16


def settings_of(pair: Pair, kind: str) -> dict[str, Any]:
    common: dict[str, Any] = {"steps": STEPS, "rollout__steps_ahead": 4, "checkpoint__every": 3, "lmbda": 0.7}
    if kind == "bfloat16":
        common |= {"dtype": "bfloat16"}
    if kind == "lora":
        common |= {"lora": {"r": 4, "targets": "all-linear", "dropout": 0.1}}
    if kind == "cut":
        common |= {"student": {"prune": str(pair.teacher), "layers": 2}}
    return run_settings(pair, **common)


def substance(run: Path) -> dict[str, Any]:
    """What must not depend on interruptions: every byte of it, and every figure that is no time."""
    newest = run / "checkpoints" / f"step-{STEPS:06d}"
    found: dict[str, Any] = {
        "student": (run / "student" / "model.safetensors").read_bytes(),
        "tensors": (newest / "tensors.safetensors").read_bytes(),
        "evaluation": (run / "evaluation.json").read_bytes(),
        "checkpoints": sorted(p.name for p in (run / "checkpoints").iterdir()),
    }
    for folder in ("rollouts", "evaluation"):
        found |= {str(p.relative_to(run)): p.read_bytes() for p in (run / folder).iterdir()}
    keys = ("step", "of", "loss", "grad_norm", "lr", "tokens", "student_ratio")
    found["metrics"] = [[m[key] for key in keys] for m in rows(run / "metrics.jsonl")]
    totals = json.loads((newest / "state.json").read_text())["totals"]
    found["totals"] = {name: value for name, value in totals.items() if name != "seconds"}
    return found


@pytest.fixture(scope="module")
def config(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("config")
    return lambda kind: write_yaml(folder / f"{kind}.yaml", settings_of(pair, kind))


@pytest.fixture(scope="module")
def whole(
    config: Callable[[str], Path], command: Command, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """The substance of an uninterrupted run of each kind, made once."""
    made: dict[str, dict[str, Any]] = {}

    def make(kind: str) -> dict[str, Any]:
        if kind not in made:
            out = tmp_path_factory.mktemp("whole") / "run"
            result = command("distill", "run", config(kind), "--out", out, "--quiet")
            assert result.code == 0, result.err
            made[kind] = substance(out)
        return made[kind]

    return make


def reached(out: Path, step: int) -> Callable[[], bool]:
    metrics = out / "metrics.jsonl"
    return lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= step


def writing(out: Path) -> Callable[[], bool]:
    """While a checkpoint after the first is being written."""
    folder = out / "checkpoints"
    return lambda: (folder / "step-000003").exists() and any(folder.glob(".draft-*"))


MOMENTS: dict[str, tuple[str, Callable[[Path], Callable[[], bool]]]] = {
    "before the first checkpoint": ("plain", lambda out: reached(out, 1)),
    "after step 7": ("plain", lambda out: reached(out, 7)),
    "while a checkpoint is written": ("plain", writing),
    "while answers are written": ("plain", lambda out: lambda: (out / "rollouts" / "phase-000001.jsonl").exists()),
    "as the folder appears": ("plain", lambda out: lambda: out.exists()),
    "after the last step": ("plain", lambda out: reached(out, STEPS)),
    "bfloat16, after step 7": ("bfloat16", lambda out: reached(out, 7)),
    "bfloat16, while a checkpoint is written": ("bfloat16", writing),
    "adapters": ("lora", lambda out: reached(out, 2)),
    "cut student": ("cut", lambda out: reached(out, 5)),
    "while a student is cut": ("cut", lambda out: lambda: out.exists()),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_run_ends_with_the_same_bytes(
    moment: str, config: Callable[[str], Path], whole: Callable[[str], dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    kind, ready = MOMENTS[moment]
    out = tmp_path / "run"
    running = command.start("distill", "run", config(kind), "--out", out, "--quiet")
    running.signal_when(signal.SIGKILL, ready(out))
    assert running.wait().code == -signal.SIGKILL
    assert not (out / "report.html").exists()
    result = command("distill", "run", config(kind), "--out", out, "--quiet", "--resume")
    assert (result.code, result.err) == (0, "")
    assert substance(out) == whole(kind)


@pytest.mark.parametrize("step", [2, 9])
def test_ctrl_c_saves_and_says_how_to_go_on(
    step: int, config: Callable[[str], Path], whole: Callable[[str], dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    running = command.start("distill", "run", config("plain"), "--out", out, "--quiet")
    running.signal_when(signal.SIGINT, reached(out, step))
    result = running.wait()
    assert result.code == 130
    assert result.err == "stillhouse: interrupted; the same command with --resume goes on from here\n"
    done = rows(out / "metrics.jsonl")[-1]["step"]
    assert step <= done < STEPS and (out / "checkpoints" / f"step-{done:06d}").is_dir()
    assert command("distill", "run", config("plain"), "--out", out, "--quiet", "--resume").code == 0
    assert {**substance(out), "checkpoints": 0} == {**whole("plain"), "checkpoints": 0}


def test_damaged_checkpoint_is_passed_over_with_a_notice(
    config: Callable[[str], Path], whole: Callable[[str], dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    running = command.start("distill", "run", config("plain"), "--out", out, "--quiet")
    running.signal_when(signal.SIGKILL, reached(out, 10))
    running.wait()
    newest = sorted((out / "checkpoints").glob("step-*"))[-1]
    tensors = bytearray((newest / "tensors.safetensors").read_bytes())
    tensors[-100] ^= 1
    (newest / "tensors.safetensors").write_bytes(tensors)
    result = command("distill", "run", config("plain"), "--out", out, "--resume")
    assert result.code == 0
    notice = " ".join(result.err.split())
    assert f"{newest}: damaged (digest of tensors does not match); going on from before it" in notice
    assert substance(out) == whole("plain")


def test_full_disk_is_one_line_and_can_be_resumed(
    config: Callable[[str], Path], whole: Callable[[str], dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("plain"), "--out", out, "--quiet")
    fault = command(*run, file_bytes=100_000).fault
    assert fault.startswith(f"{out}/checkpoints/step-000003: was not written (") and "File too large" in fault
    assert fault.endswith("free some space, then go on with --resume")
    assert list((out / "checkpoints").iterdir()) == []
    assert command(*run, "--resume").code == 0
    assert substance(out) == whole("plain")


def test_full_disk_at_the_very_end(
    config: Callable[[str], Path], whole: Callable[[str], dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("lora"), "--out", out, "--quiet")
    adapters = len(whole("lora")["tensors"])
    assert adapters < len(whole("lora")["student"])
    assert command(*run, file_bytes=adapters + 1000).fault.startswith(f"{out}/student: was not written (")
    assert not (out / ".student.draft").exists() and not (out / "student").exists()
    assert command(*run, "--resume").code == 0
    assert substance(out) == whole("lora")


def test_two_processes_do_not_share_a_run(config: Callable[[str], Path], command: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    running = command.start("distill", "run", config("plain"), "--out", out, "--quiet")
    is_running = reached(out, 1)
    faults: list[str] = []

    def second_is_refused() -> bool:
        if is_running():
            faults.append(command("distill", "run", config("plain"), "--out", out, "--quiet", "--resume").fault)
        return len(faults) == 1

    running.signal_when(signal.SIGKILL, second_is_refused)
    running.wait()
    assert faults == [f"{out}: another process is working on this run; wait for it or stop it"]


def test_optimiser_moments_are_in_the_checkpoint(
    config: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert command("distill", "run", config("plain"), "steps=3", "--out", out, "--quiet").code == 0
    tensors = load_file(out / "checkpoints" / "step-000003" / "tensors.safetensors")
    assert {name.partition("/")[0] for name in tensors} == {"weight", "steps", "exp_avg", "exp_avg_sq"}
    assert int(tensors["steps"]) == 3
    halves = tmp_path / "halves"
    assert command("distill", "run", config("bfloat16"), "steps=3", "--out", halves, "--quiet").code == 0
    tensors = load_file(halves / "checkpoints" / "step-000003" / "tensors.safetensors")
    assert {name.partition("/")[0] for name in tensors} == {"weight", "low", "steps", "exp_avg", "exp_avg_sq"}
