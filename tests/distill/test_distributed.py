"""Two processes that share a run train as one does: the same losses, weights, answers and files."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.distributed import ALONE, Processes, check_shares, started
from stillhouse.errors import ConfigError
from stillhouse.models.local import load_model
from stillhouse.types import Message, Sampling
from tests.command import Command
from tests.distill.judges.readers import Reader, longest
from tests.fault_server import chat_answer
from tests.models.vllm_server import TinyVllm, serve
from tests.tiny import Pair, rows, run_settings, write_yaml
from tests.together import Together

STEPS = 6
KINDS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"dtype": "bfloat16", "lmbda": 0.0, "given": "reference"},
    "cut, adapters, recomputed": {
        "student__model": None,
        "student__layers": 2,
        "lora": {"r": 4, "targets": "all-linear"},
        "activation_checkpointing": True,
    },
}


@pytest.fixture(scope="module")
def together(command: Command) -> Together:
    return Together(command)


@pytest.fixture(scope="module")
def config(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("config")

    def write(kind: str) -> Path:
        common = {"steps": STEPS, "rollout__steps_ahead": 3, "checkpoint__every": 2, "lmbda": 0.7}
        changes = {**common, **KINDS[kind]}
        if kind.startswith("cut"):
            changes["student__prune"] = str(pair.teacher)
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
    assert after["after"]["kl_to_teacher"]["value"] == pytest.approx(
        before["after"]["kl_to_teacher"]["value"], rel=1e-3
    )


def substance(run: Path) -> dict[str, Any]:
    """Every byte and figure that must not depend on interruptions."""
    found: dict[str, Any] = {
        "student": (run / "student" / "model.safetensors").read_bytes(),
        "tensors": (run / "checkpoints" / f"step-{STEPS:06d}" / "tensors.safetensors").read_bytes(),
        "evaluation": (run / "evaluation.json").read_bytes(),
        "losses": losses(run).tolist(),
    }
    return found | {p.name: p.read_bytes() for p in (run / "rollouts").iterdir()}


@pytest.fixture(scope="module")
def whole(config: Callable[[str], Path], together: Together, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert [r.code for r in together("distill", "run", config("float32"), "--out", out, "--quiet")] == [0, 0]
    return out


def reached(out: Path, step: int) -> Callable[[], bool]:
    metrics = out / "metrics.jsonl"
    return lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= step


def test_killed_run_ends_with_the_same_bytes(
    config: Callable[[str], Path], whole: Path, together: Together, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("float32"), "--out", out, "--quiet")
    both = together.start(*run)
    for running in both:
        running.signal_when(signal.SIGKILL, reached(out, 3))
    assert [running.wait().code for running in both] == [-signal.SIGKILL] * 2
    assert not (out / "report.html").exists()
    results = together(*run, "--resume")
    assert [(r.code, r.err) for r in results] == [(0, ""), (0, "")]
    assert substance(out) == substance(whole)


def test_another_number_of_processes_goes_on_with_a_run(
    config: Callable[[str], Path], whole: Path, command: Command, together: Together, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("float32"), "--out", out, "--quiet")
    for running in (both := together.start(*run)):
        running.signal_when(signal.SIGKILL, reached(out, 3))
    for running in both:
        running.wait()
    assert command(*run, "--resume").code == 0
    torch.testing.assert_close(losses(out), losses(whole), rtol=1e-5, atol=1e-5)


def test_lost_process_ends_the_others_with_one_line(
    config: Callable[[str], Path], whole: Path, together: Together, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("float32"), "--out", out, "--quiet")
    first, second = together.start(*run)
    second.signal_when(signal.SIGKILL, reached(out, 2))
    assert second.wait().code == -signal.SIGKILL
    assert first.wait().fault.startswith("process 0 of 2: another process of this run is gone (")
    assert [r.code for r in together(*run, "--resume")] == [0, 0]
    assert substance(out) == substance(whole)


def test_ctrl_c_at_one_process_saves_and_ends_all(
    config: Callable[[str], Path], whole: Path, together: Together, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = ("distill", "run", config("float32"), "--out", out, "--quiet")
    both = together.start(*run)
    both[1].signal_when(signal.SIGINT, reached(out, 2))
    results = [running.wait() for running in both]
    assert [r.code for r in results] == [130, 130]
    assert "".join(r.err for r in results) == (
        "stillhouse: interrupted; the same command with --resume goes on from here\n"
    )
    done = rows(out / "metrics.jsonl")[-1]["step"]
    assert 2 <= done < STEPS and (out / "checkpoints" / f"step-{done:06d}").is_dir()
    assert [r.code for r in together(*run, "--resume")] == [0, 0]
    assert substance(out) == substance(whole)


class JudgeServer(TinyVllm):
    """Chat answers by a judge that prefers long texts."""

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        messages = [Message(m["role"], m["content"]) for m in body["messages"]]
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        text = "yes" if schema is None else Reader(longest).reply(messages, Sampling(schema=schema))
        return 200, chat_answer(text)


def test_judge_is_asked_by_the_first_process_alone(pair: Pair, together: Together, tmp_path: Path) -> None:
    found = {}
    for size in (1, 2):
        with serve(JudgeServer(load_model(str(pair.student)))) as served:
            teacher = {"model": "judge", "permission": "made by this test", "endpoint": {"base_url": served.base_url}}
            judge = {"kind": "judge", "method": {"kind": "ranking"}, "learn": {"kind": "dpo"}}
            settings = run_settings(pair, steps=4, teacher=teacher, grader=judge, rollout__answers=2)
            config = write_yaml(tmp_path / f"{size}.yaml", settings)
            results = together("distill", "run", config, "--out", tmp_path / str(size), "--quiet", size=size)
            assert [(r.code, r.err) for r in results] == [(0, "")] * size
            found[size] = len(served.requests), rows(tmp_path / str(size) / "metrics.jsonl")
    assert found[1][0] == found[2][0]
    for one, two in zip(found[1][1], found[2][1], strict=True):
        assert [two[k] for k in ("loss", "grad_norm", "score")] == pytest.approx(
            [one[k] for k in ("loss", "grad_norm", "score")], rel=1e-4, abs=1e-5
        )


def test_fault_of_all_is_told_once(config: Callable[[str], Path], whole: Path, together: Together) -> None:
    results = together("distill", "run", config("float32"), "--out", whole, "--quiet")
    assert [r.code for r in results] == [2, 2] and results[1].err == ""
    assert results[0].fault == f"{whole}: already holds a run; go on with it (--resume) or give another --out"


def test_batch_that_cannot_be_shared_leaves_nothing_behind(
    config: Callable[[str], Path], together: Together, tmp_path: Path
) -> None:
    results = together("distill", "run", config("float32"), "batch=2", "--out", tmp_path / "run", "--quiet")
    assert [r.code for r in results] == [2, 2]
    assert "".join(r.err for r in results) == (
        "stillhouse: batch is 2: 2 processes that read micro_batch 2 answers at a time need a multiple of 4; change "
        "batch, micro_batch or the number of processes\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_shares() -> None:
    assert Processes(1, 3).dealt(["a", "b", "c", "d"]) == [("b", True), ("d", False)]
    assert [Processes(rank, 2).dealt([5, 6, 7]) for rank in (0, 1)] == [
        [(5, True), (7, True)],
        [(6, True), (7, False)],
    ]
    assert ALONE.dealt([5, 6]) == [(5, True), (6, True)]
    assert Processes(0, 2).dealt([]) == []


def test_one_process_is_nothing_special() -> None:
    with started({}) as processes:
        assert processes is ALONE and processes.first
    assert ALONE.gather(3) == [3] and ALONE.merged({1: "b", 0: "a"}) == ["a", "b"]
    assert ALONE.from_first(lambda: 7) == 7
    before = signal.getsignal(signal.SIGINT)
    with ALONE.interrupts() as check:
        assert signal.getsignal(signal.SIGINT) is before
        check()


ANNOUNCED = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2 and RANK is not set; start with torchrun or accelerate launch"),
        ({"WORLD_SIZE": "two", "RANK": "0"}, "WORLD_SIZE is two and WORLD_SIZE is two; start with torchrun"),
        ({**ANNOUNCED, "ACCELERATE_USE_FSDP": "true"}, "accelerate launch --use_fsdp lets Transformers load"),
    ],
)
def test_variables_that_cannot_be_meant(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said), started(environ):
        pass


def test_devices_that_cannot_be_shared(pair: Pair) -> None:
    settings = DistillSettings.model_validate(run_settings(pair))
    check_shares(settings, "cuda:1", ALONE)
    check_shares(settings, "cpu", Processes(1, 2))
    with pytest.raises(ConfigError, match="device is 'cuda:1' for 2 processes, each of which takes a GPU"):
        check_shares(settings, "cuda:1", Processes(1, 2))
    with pytest.raises(ConfigError, match=r"1000 processes on a machine with \d+ GPUs"):
        check_shares(settings, "cuda", Processes(1, 2, 1, 1000))
