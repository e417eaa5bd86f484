"""Training throughput, peak memory and loss beside TRL's DistillationTrainer: same models, prompts, work and dtype.

Both sides run in processes of their own, alternating, so that drift of the machine hits both. Completions have the
same fixed length on both sides. TRL is measured as published (gradient checkpointing on) and at its fastest (off).
Ours is measured strictly on-policy, as TRL always is (one rollout phase a step), and with one rollout phase for
eight steps, which decodes 64 answers together at the price of answers that are up to seven steps old.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from bench.peer_environment import TRL_PINS, peer_python
from bench.results import Row
from stillhouse.distill.cut import cut_student
from stillhouse.distill.encode import encode_prompts
from stillhouse.distill.hardware import choose_dtype
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.sections import PromptSource
from stillhouse.models.bundled import bundled_model
from stillhouse.models.local import load_tokenizer

__all__ = ["main"]

_PEER = Path(__file__).parent / "peers" / "trl_distillation.py"


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: completion tokens per second, peak memory, loss and gradient norm at beta 0, 0.5 and 1."""
    parser = argparse.ArgumentParser(prog="scripts/bench distill_vs_trl")
    parser.add_argument("--layers", type=int, default=14)
    parser.add_argument("--runs", type=int, default=3, help="alternating runs of each side")
    parser.add_argument("--steps", type=int, default=4, help="measured steps of a run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--peer-python", type=Path, help="python of an environment with TRL; default: made in the cache"
    )
    options = parser.parse_args(argv)
    python = peer_python("trl", TRL_PINS, options.peer_python)
    dtype = choose_dtype("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        teacher, student = bundled_model(), folder / "student"
        cut_student("bundled", options.layers, student)
        prompts, batch = bench_inputs(folder)
        common = ["--teacher", str(teacher), "--student", str(student), "--threads", str(options.threads)]
        ours = [sys.executable, "-m", "bench.workers.distillation", *common]
        peer = [str(python), str(_PEER), *common]
        training = ["--dtype", dtype, "--prompts", str(prompts), "--steps", str(options.steps)]
        arms: dict[str, list[str]] = {
            "trl": [*peer, *training],
            "trl, no gradient checkpointing": [*peer, *training, "--no-gradient-checkpointing"],
            "ours, on-policy": [*ours, *training],
            "ours, 8 steps ahead": [*ours, *training, "--steps", str(2 * options.steps), "--steps-ahead", "8"],
        }
        found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
        for run in range(options.runs):
            for arm, command in arms.items():
                print(f"run {run + 1} of {options.runs}: {arm}", file=sys.stderr, flush=True)
                found[arm].append(run_worker(command))
        # The formulas are compared in float32: in bfloat16 both models' own rounding is a thousand times larger.
        found_losses = {
            kind: [run_worker([*side, "--dtype", kind, "--loss-only", str(batch)])["losses"] for side in (ours, peer)]
            for kind in dict.fromkeys(("float32", dtype))
        }
    rows = []
    for ours_arm in ("ours, on-policy", "ours, 8 steps ahead"):
        for peer_arm in ("trl", "trl, no gradient checkpointing"):
            what = f"{ours_arm} | {peer_arm}"
            mine, theirs = found[ours_arm], found[peer_arm]
            rows.append(Row.of(what, [_rate(r) for r in mine], [_rate(r) for r in theirs], "completion tokens/s"))
            rows.append(Row.of(what, [_peak(r) for r in mine], [_peak(r) for r in theirs], "peak memory, GB"))
    for kind, sides in found_losses.items():
        for mine_at, theirs_at in zip(*sides, strict=True):
            for key in ("loss", "grad_norm"):
                what = f"{key} at beta {mine_at['beta']}, {kind}"
                rows.append(Row.of(what, [mine_at[key]], [theirs_at[key]], "nats/token"))
    for arm, runs in found.items():
        print(f"{arm}: seconds per step by part {_parts(runs)}", file=sys.stderr)
    return rows


def run_worker(command: list[str]) -> dict[str, Any]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _rate(result: dict[str, Any]) -> float:
    return float(sum(result["completion_tokens"])) / float(sum(result["step_seconds"]))


def _peak(result: dict[str, Any]) -> float:
    return float(result["memory"]["peak"]) / 1e9


def _parts(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {part: round(sum(r["phases"].get(part, 0.0) for r in runs) / len(runs), 3) for part in runs[0]["phases"]}


def bench_inputs(folder: Path) -> tuple[Path, Path]:
    """64 prompts as JSONL, and one ragged batch of prompts with given answers for the comparison of losses."""
    prompts = load_prompts(PromptSource(name="instructions", limit=64))
    path = folder / "prompts.jsonl"
    rows = [{"prompt": [m.as_dict() for m in p.messages]} for p in prompts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tokenizer = load_tokenizer("bundled")
    answers = ("Yes, that is so, because of what was said before.", "No.", "It depends on the weather in spring.")
    encoded = encode_prompts(tokenizer, prompts[: len(answers)], longest=10**6)
    given = [tokenizer(a, add_special_tokens=False)["input_ids"] for a in answers]
    width = max(len(p.tokens) + len(a) for p, a in zip(encoded, given, strict=True))
    ids = torch.zeros(len(given), width, dtype=torch.int64)
    mask = torch.zeros(len(given), width, dtype=torch.int64)
    for row, (p, a) in enumerate(zip(encoded, given, strict=True)):
        ids[row, : len(p.tokens) + len(a)] = torch.tensor([*p.tokens, *a])
        mask[row, len(p.tokens) : len(p.tokens) + len(a)] = 1
    batch = folder / "batch.safetensors"
    starts = torch.tensor([len(p.tokens) for p in encoded])
    save_file({"input_ids": ids, "prompt_len": starts, "completion_mask": mask}, batch)
    return path, batch
