"""How much of this machine's matrix rate the rollouts and the training part reach.

The rate is that of the library's own matrix product in the dtype that a run would choose, at a size that suits it.
The work is counted by the formulas of `stillhouse.distill.flops` (attention omitted), on the tokens that were
computed: a beginning that all prompts share is counted once a batch.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.distill_vs_trl import bench_inputs, run_worker
from bench.results import Row
from stillhouse.distill.cut import cut_student
from stillhouse.distill.flops import model_shape, rollout_flops, student_flops, teacher_flops
from stillhouse.distill.hardware import choose_dtype
from stillhouse.models.bundled import bundled_model
from stillhouse.models.local import load_model

__all__ = ["main"]


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: shares of the measured rate; `peer` is the rate itself where a row is in GFLOP/s."""
    parser = argparse.ArgumentParser(prog="scripts/bench roofline")
    parser.add_argument("--layers", type=int, default=14)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    dtype = choose_dtype("cpu")
    rates, rollouts, training = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        student = folder / "student"
        cut_student("bundled", options.layers, student)
        shapes = [model_shape(load_model(str(where))) for where in (bundled_model(), student)]
        prompts, _ = bench_inputs(folder)
        command = [sys.executable, "-m", "bench.workers.distillation", "--teacher", str(bundled_model())]
        command += ["--student", str(student), "--prompts", str(prompts), "--dtype", dtype]
        command += ["--threads", str(options.threads), "--steps-ahead", "8", "--steps", str(options.steps)]
        for _ in range(options.runs):
            rates.append(_matrix_rate(getattr(torch, dtype)))
            result = run_worker(command)
            read, written = int(result["prompt_tokens"][0]), int(result["completion_tokens"][0])
            parts = result["phases"]
            work = teacher_flops(shapes[0], prompt_tokens=read, completion_tokens=written)
            work += student_flops(shapes[1], prompt_tokens=read, completion_tokens=written)
            spent = parts["teacher"] + parts["student"] + parts["loss"] + parts["optimizer"]
            training.append(work / spent / 1e9)
            rollouts.append(
                rollout_flops(shapes[1], prompt_tokens=read, completion_tokens=written) / parts["rollout"] / 1e9
            )
    return [
        Row.of(
            "training part (teacher, student, loss, optimiser) of the matrix rate", training, rates, f"GFLOP/s {dtype}"
        ),
        Row.of("rollouts of 64 of the matrix rate", rollouts, rates, f"GFLOP/s {dtype}"),
    ]


def _matrix_rate(dtype: torch.dtype, size: int = 2048, repeats: int = 5) -> float:
    """GFLOP/s of a square product, the median of a few."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    torch.mm(a, b)
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b)
        taken.append(time.perf_counter() - start)
    return 2 * size**3 / sorted(taken)[repeats // 2] / 1e9
