"""TRL's side of `bench/distill_vs_trl`: its `DistillationTrainer`, timed from inside a process of its own.

Run by the python of the peer's environment (bench/peer_environment.py), so nothing of Stillhouse is imported
and neither side can slow the other or share its memory. The trainer is used as published; the only things put
into it are clocks around its own calls. The last line of the output is one JSON object.

    HF_HUB_OFFLINE=1 python trl_distillation.py --teacher T --student S --prompts P.jsonl --steps 3
    HF_HUB_OFFLINE=1 python trl_distillation.py --teacher T --student S --loss-only BATCH.safetensors

Equal work
    Every completion is exactly `--completion-tokens` long: `generation_kwargs={"min_new_tokens": n}` sets the
    end tokens' scores to -inf at each of the n positions and `max_completion_length=n` stops there. TRL cuts a
    completion after its first end token, and none can be sampled, so each step grades batch x n tokens; the
    counts printed are the trainer's own log. Prompts are taken in file order (`shuffle_dataset=False`). The other
    side must forbid the same token ids: the student's generation_config.eos_token_id and the tokenizer's.

Time
    A step lasts from the end of the step before to its own end (data, rollout, loss, backward, clipping, AdamW,
    log); the first one is a warm-up and is not reported. `phases` are seconds per step, summing to the step.
    `step_cpu_seconds` is the processor time of all threads: far below threads x wall means the machine was shared.

Memory
    VmHWM and VmRSS of /proc/self/status, in bytes, so Linux only. getrusage's ru_maxrss is not used: Linux lets a
    child inherit it from the process that started it, which here may hold models itself.

Number type
    bfloat16 loads both models' weights in bfloat16 and sets `bf16=True`. Float32 weights with `bf16=True` (TRL's
    default) would not do: on one process TRL 1.16 reaches both backbones past the forward that accelerate wrapped
    in autocast, so only rollouts would run in bfloat16. On a CPU the vocabulary products of its loss are
    float32 in either case (`_project` and `_addmm_fp32` of trl.kernels upcast off CUDA).

TRL's loss (`--loss-only`), with p_s and p_t the student's and teacher's softmax(logits / temperature) at a position
    beta = 0      KL(p_t || p_s)
    beta = 1      KL(p_s || p_t)
    otherwise     beta KL(p_t || m) + (1 - beta) KL(p_s || m),   m = (1 - beta) p_s + beta p_t
    The ends are special cases, not limits: the middle formula goes to 0 there. There is no factor temperature^2.
    Natural logarithms, the full vocabulary, sums in float32. The completion token at position k of a row is graded
    by the distributions predicted at k - 1; an end token inside the completion counts, prompt and padding do not.
    The loss of a batch is the sum over graded tokens divided by `num_items_in_batch`, which the trainer sets to the
    number of graded tokens of the whole optimiser step (all processes, all accumulation steps): a mean over tokens,
    not a mean of each answer's mean. Rows are left-padded prompt + right-padded completion without position_ids,
    so a short prompt starts at a position above 0; with rotary positions only rounding differs.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
)
from transformers.trainer_utils import set_seed
from trl.kernels.chunked_divergence import ChunkedDivergenceFunction
from trl.trainer import distillation_trainer

__all__: list[str] = []


def memory() -> dict[str, int]:
    """Resident bytes of this process: now, and the largest so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS:", "VmHWM:"))}
    return {"now": kib["VmRSS"] * 1024, "peak": kib["VmHWM"] * 1024}


class Stopwatch:
    """Seconds spent in each named part since the last `clear`; a part may hold another one."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its duration added to `name`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds[name] += time.perf_counter() - start
            return result

        return timed


class Record(TrainerCallback):
    """Wall seconds and the trainer's own numbers of every step after the first."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch
        self.step_seconds: list[float] = []
        self.step_cpu_seconds: list[float] = []
        self.logs: list[dict[str, float]] = []
        self._last_end: tuple[float, float] | None = None
        self._optimizer_start = 0.0

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._optimizer_start = time.perf_counter()

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.watch.seconds["optimizer"] += time.perf_counter() - self._optimizer_start

    def on_step_end(self, *_: Any, **__: Any) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        if self._last_end is None:
            self.watch.seconds.clear()
        else:
            self.step_seconds.append(wall - self._last_end[0])
            self.step_cpu_seconds.append(cpu - self._last_end[1])
        self._last_end = wall, cpu

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        if logs and "completions/mean_length" in logs:  # the summary at the end of training has none
            self.logs.append(logs)


def watch_trainer(trainer: trl.DistillationTrainer, watch: Stopwatch) -> None:
    """Put clocks around the trainer's own calls; what they compute is untouched."""
    hidden_state = trainer._get_last_hidden_state
    forward = {
        True: watch.around("teacher_forward", hidden_state),
        False: watch.around("student_forward", hidden_state),
    }
    trainer._get_last_hidden_state = lambda model, *args: forward[model is trainer.teacher_model](model, *args)
    trainer._generate_single_turn = watch.around("rollout", trainer._generate_single_turn)
    trainer.accelerator.backward = watch.around("backward", trainer.accelerator.backward)
    trainer.accelerator.clip_grad_norm_ = watch.around("clip", trainer.accelerator.clip_grad_norm_)
    loss = watch.around("loss_forward", distillation_trainer._chunked_divergence_loss)
    distillation_trainer._chunked_divergence_loss = loss
    ChunkedDivergenceFunction.backward = staticmethod(watch.around("loss_backward", ChunkedDivergenceFunction.backward))


def make_trainer(
    options: argparse.Namespace,
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Dataset | None,
    folder: str,
) -> trl.DistillationTrainer:
    """The peer as its documentation sets it up, on CPU, silent and saving nothing."""
    arguments = trl.DistillationConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=options.dtype == "bfloat16",
        per_device_train_batch_size=options.batch,
        max_steps=options.steps + 1,
        max_completion_length=options.completion_tokens,
        generation_kwargs={"min_new_tokens": options.completion_tokens},
        temperature=options.temperature,
        beta=options.beta,
        learning_rate=options.lr,
        lr_scheduler_type="constant",
        gradient_checkpointing=options.gradient_checkpointing,
        shuffle_dataset=False,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        disable_tqdm=True,
        seed=options.seed,
    )
    trainer = trl.DistillationTrainer(
        model=student, teacher_model=teacher, args=arguments, train_dataset=prompts, processing_class=tokenizer
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def train(trainer: trl.DistillationTrainer, options: argparse.Namespace) -> dict[str, Any]:
    """Train for a warm-up step and `--steps` measured ones."""
    watch = Stopwatch()
    record = Record(watch)
    watch_trainer(trainer, watch)
    trainer.add_callback(record)
    trainer.train()

    tokens = [round(log["completions/mean_length"] * options.batch) for log in record.logs]
    seen = [round(log["num_tokens"]) for log in record.logs]
    seconds = dict(watch.seconds)
    seconds["student_backward"] = seconds.pop("backward") - seconds["loss_backward"]
    seconds["other"] = sum(record.step_seconds) - sum(seconds.values())
    return {
        "step_seconds": record.step_seconds,
        "step_cpu_seconds": record.step_cpu_seconds,
        "median_step_seconds": statistics.median(record.step_seconds),
        "completion_tokens": tokens[1:],
        "prompt_tokens": [b - a - n for a, b, n in zip(seen, seen[1:], tokens[1:], strict=False)],
        "completion_tokens_per_second": sum(tokens[1:]) / sum(record.step_seconds),
        "phases": {name: value / len(record.step_seconds) for name, value in sorted(seconds.items())},
        "loss": [log["loss"] for log in record.logs[1:]],
    }


def trl_inputs(batch: dict[str, torch.Tensor], pad: int) -> dict[str, torch.Tensor]:
    """A batch of whole sequences in TRL's layout.

    `input_ids` [B, T] int64, right-padded; `prompt_len` [B] int64; `completion_mask` [B, T], 1 at the completion
    tokens of a row, which follow its prompt without a gap. Out: prompts [B, P] left-padded, completions [B, C]
    right-padded, a mask of each, and the number of graded tokens.
    """
    ids, mask, starts = batch["input_ids"], batch["completion_mask"].bool(), batch["prompt_len"].tolist()
    lengths = mask.sum(dim=1).tolist()
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        if not mask[row, start : start + length].all():
            raise SystemExit(f"completion_mask of row {row} is not one run of ones from prompt_len {start}; mend it")
    prompt_ids = torch.full((len(ids), max(starts)), pad)
    completion_ids = torch.full((len(ids), max(lengths)), pad)
    prompt_mask, completion_mask = torch.zeros_like(prompt_ids), torch.zeros_like(completion_ids)
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        prompt_ids[row, max(starts) - start :] = ids[row, :start]
        prompt_mask[row, max(starts) - start :] = 1
        completion_ids[row, :length] = ids[row, start : start + length]
        completion_mask[row, :length] = 1
    return {
        "prompt_ids": prompt_ids,
        "prompt_mask": prompt_mask,
        "completion_ids": completion_ids,
        "completion_mask": completion_mask,
        "num_items_in_batch": completion_mask.sum(),
    }


def losses(trainer: trl.DistillationTrainer, inputs: dict[str, torch.Tensor], betas: list[float]) -> dict[str, Any]:
    """The trainer's own loss of the batch for each beta, and the norm of its gradient over all student weights."""
    trainer.model.train()
    result: dict[str, Any] = {"graded_tokens": int(inputs["num_items_in_batch"]), "losses": []}
    for beta in betas:
        trainer.beta = beta
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, inputs)
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in trainer.model.parameters() if p.grad is not None])
        result["losses"].append({"beta": beta, "loss": loss.item(), "grad_norm": norm.item()})
    return result


def parse() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description="time TRL's DistillationTrainer, or print its loss of one batch")
    parser.add_argument("--teacher", required=True, help="folder of the teacher")
    parser.add_argument("--student", required=True, help="folder of the student, with its tokenizer")
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--prompts", type=Path, help="JSONL; `prompt` is a list of messages")
    work.add_argument("--loss-only", type=Path, help="safetensors: input_ids, prompt_len, completion_mask")
    parser.add_argument("--steps", type=int, default=3, help="measured optimiser steps, after one warm-up step")
    parser.add_argument("--batch", type=int, default=8, help="prompts per step")
    parser.add_argument("--completion-tokens", type=int, default=64, help="exact length of every completion")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--gradient-checkpointing", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--beta", type=float, default=1.0)
    parser.add_argument("--betas", type=float, nargs="+", default=[0.0, 0.5, 1.0], help="with --loss-only")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Do what the command line says and print one JSON line."""
    options = parse()
    if os.environ.get("HF_HUB_OFFLINE") != "1":
        raise SystemExit("HF_HUB_OFFLINE is not 1; set it, so that the peer neither looks for files nor reports home")
    torch.set_num_threads(options.threads)
    set_seed(options.seed)
    after_imports = memory()
    dtype = getattr(torch, options.dtype)
    teacher = AutoModelForCausalLM.from_pretrained(options.teacher, dtype=dtype)
    student = AutoModelForCausalLM.from_pretrained(options.student, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(options.student, padding_side="left")
    after_models = memory()
    prompts = None
    if options.prompts:
        rows = [{"prompt": json.loads(line)["prompt"]} for line in options.prompts.read_text("utf-8").splitlines()]
        if len(rows) < options.batch:
            raise SystemExit(f"{options.prompts} has {len(rows)} prompts, a batch takes {options.batch}; add prompts")
        prompts = Dataset.from_list(rows)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(options, teacher, student, tokenizer, prompts, folder)
        if options.loss_only:
            result = losses(trainer, trl_inputs(load_file(options.loss_only), tokenizer.pad_token_id), options.betas)
        else:
            result = train(trainer, options)
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    result["memory"] = {
        "after_imports": after_imports["now"],
        "after_models": after_models["now"],
        "peak_after_models": after_models["peak"],
        "peak": memory()["peak"],
    }
    print(json.dumps({"system": f"trl {trl.__version__}", "torch": torch.__version__, "settings": settings} | result))


if __name__ == "__main__":
    main()
