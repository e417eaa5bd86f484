"""Our side of `bench/distill_vs_trl` and `bench/roofline`: the trainer, timed in a process of its own.

    python -m bench.workers.distillation --teacher T --student S --prompts P.jsonl --threads 2 --steps 4
    python -m bench.workers.distillation --teacher T --student S --threads 2 --loss-only BATCH.safetensors

The work is the peer's (see bench/peers/trl_distillation.py): the same prompts, completions of exactly
`--completion-tokens` because no token ends a turn, the same batch, dtype and learning rate. A step lasts
from the end of the step before to its own end; the first phase is a warm-up and is not reported. The last line
of the output is one JSON object.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, encode_prompts
from stillhouse.distill.graders import DivergenceGrader
from stillhouse.distill.hardware import Hardware, keep_freed_memory
from stillhouse.distill.kv_cache import shared_prefix
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts import read_prompts
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.step import Stopwatch, backward
from stillhouse.distill.train import Trainer
from stillhouse.models.local import load_model, load_tokenizer

__all__: list[str] = []


def peak_bytes() -> int:
    """VmHWM: what this process itself ever held (ru_maxrss is inherited from the parent on Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def settings_of(options: argparse.Namespace) -> DistillSettings:
    return DistillSettings.model_validate(
        {
            "teacher": {"model": options.teacher, "permission": "measurement only"},
            "student": {"model": options.student},
            "prompts": [{"path": str(options.prompts or options.loss_only)}],
            "steps": 10**6,
            "batch": options.batch,
            "micro_batch": options.micro_batch,
            "loss_chunk": options.loss_chunk,
            "rollout": {
                "max_new_tokens": options.completion_tokens,
                "batch": options.batch * options.steps_ahead,
                "steps_ahead": options.steps_ahead,
                "repetition_stop": 0,
            },
            "optimizer": {"lr": options.lr, "decay": "constant", "warmup": 0.0},
        }
    )


def train(options: argparse.Namespace, writers: Writers, settings: DistillSettings) -> dict[str, Any]:
    prompts = encode_prompts(writers.tokenizer, list(read_prompts(options.prompts)), longest=10**6)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(writers, prompts, settings, Path(folder))
        lines: list[dict[str, Any]] = []
        seconds, cpu, phases = [], [], []
        ahead = options.steps_ahead
        for step in range(options.steps + ahead):
            began, cpu_began = time.perf_counter(), time.process_time()
            lines.clear()
            trainer.one_step(10**6, lambda _, line: lines.append(line))
            if step >= ahead:
                seconds.append(time.perf_counter() - began)
                cpu.append(time.process_time() - cpu_began)
                phases.append(lines[0]["seconds"])
    return {
        "step_seconds": seconds,
        "step_cpu_seconds": cpu,
        "completion_tokens": [options.batch * options.completion_tokens] * len(seconds),
        "prompt_tokens": [_computed(prompts, options.batch)] * len(seconds),
        "phases": {part: sum(p[part] for p in phases) / len(phases) for part in phases[0]},
    }


def _computed(prompts: list[EncodedPrompt], rows: int) -> float:
    """Prompt tokens that `rows` answers cost on average, what all prompts begin with counted once."""
    shared = shared_prefix([p.tokens for p in prompts])
    return rows * (sum(len(p.tokens) for p in prompts) / len(prompts) - shared) + shared


def losses(options: argparse.Namespace, writers: Writers, settings: DistillSettings) -> dict[str, Any]:
    batch = load_file(options.loss_only)
    rollouts = []
    for ids, start, mask in zip(batch["input_ids"], batch["prompt_len"], batch["completion_mask"], strict=True):
        length = int(mask.sum())
        tokens = ids.tolist()
        rollouts.append(
            Rollout("", tuple(tokens[:start]), tuple(tokens[start : start + length]), (), "length", "reference")
        )
    found = []
    model = writers.student.model
    for beta in (0.0, 0.5, 1.0):
        watch = Stopwatch(writers.student.device)
        watch.start()
        means = backward(writers, DivergenceGrader(beta), rollouts, settings, watch)
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        found.append({"beta": beta, "loss": means["loss"], "grad_norm": float(norm)})
        model.zero_grad()
    return {"losses": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--student", required=True)
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--prompts", type=Path)
    work.add_argument("--loss-only", type=Path)
    parser.add_argument("--steps", type=int, default=3, help="measured optimiser steps, after one warm-up phase")
    parser.add_argument("--steps-ahead", type=int, default=1, help="steps served by one rollout phase")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--micro-batch", type=int, default=8)
    parser.add_argument("--loss-chunk", type=int, default=512)
    parser.add_argument("--completion-tokens", type=int, default=64)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    Hardware("cpu", options.dtype, options.threads).apply()
    keep_freed_memory()
    settings = settings_of(options)
    dtype = getattr(torch, options.dtype)
    tokenizer = load_tokenizer(options.student)
    vocabulary = max(tokenizer.get_vocab().values()) + 1
    teacher = load_model(options.teacher, dtype=dtype).requires_grad_(False)
    student = load_model(options.student, dtype=dtype)
    writers = Writers(Network(student, vocabulary), Network(teacher, vocabulary), tokenizer, frozenset())
    result = losses(options, writers, settings) if options.loss_only else train(options, writers, settings)
    result["memory"] = {"peak": peak_bytes()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
