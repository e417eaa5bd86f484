"""On-policy grading against imitation of the teacher against plain fine-tuning, at one token budget.

Every arm starts from the same cut student, sees the same prompts in the same order, and stops at the same
number of trained completion tokens. What differs is who writes the answer and what is learnt from it:

* graded     the student answers, the teacher's probabilities grade every token (reverse KL)
* forward    the same, graded by forward KL
* imitation  the teacher answers, the student learns its words by cross-entropy
* plain      people answered (the replies in the prompt file), learnt by cross-entropy

`python -m recipes.on_policy.run --out DIR [--tokens N] [--seeds 0 1 2] [--arms graded forward imitation plain]` writes
DIR/results.json; with `--table` it prints what is there as a table. Arms that are there are not run again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.cut import cut_student
from stillhouse.distill.evaluate import Evaluator, hold_out
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.network import Network
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.sections import PromptSource
from stillhouse.distill.setup import encode_all, load_data, load_models
from stillhouse.distill.store import RolloutStore
from stillhouse.distill.train import Trainer
from stillhouse.models.bundled import BUNDLED
from stillhouse.records import write_atomic, write_json

ARMS: dict[str, dict[str, Any]] = {
    "graded": {"lmbda": 1.0, "grader": {"kind": "divergence", "beta": 1.0}},
    "forward": {"lmbda": 1.0, "grader": {"kind": "divergence", "beta": 0.0}},
    "imitation": {"lmbda": 0.0, "given": "teacher", "grader": {"kind": "imitation"}},
    "plain": {"lmbda": 0.0, "given": "reference", "grader": {"kind": "imitation"}},
}
MEASURES = ("kl_to_teacher", "on_policy_kl", "top1_agreement")


def settings_of(arm: str, seed: int, student: Path, prompts: Path, held_out: int) -> DistillSettings:
    return DistillSettings.model_validate(
        {
            "teacher": {"model": "bundled", "permission": BUNDLED.permission},
            "student": {"model": str(student)},
            "prompts": [{"path": str(prompts)}],
            "steps": 1,
            "batch": 8,
            "micro_batch": 8,
            "rollout": {"max_new_tokens": 48},
            "optimizer": {"lr": 3e-4, "decay": "constant", "warmup": 0.0},
            "evaluation": {"held_out": held_out, "max_new_tokens": 48},
            "seed": seed,
            **ARMS[arm],
        }
    )


def run_arm(arm: str, seed: int, student: Path, prompts: Path, tokens: int, held_out: int, out: Path) -> dict[str, Any]:
    """Train one arm with one seed up to `tokens` completion tokens; measures before and after."""
    settings = settings_of(arm, seed, student, prompts, held_out)
    hardware = Hardware.measure(settings)
    hardware.apply()
    data, models = load_data(settings), load_models(settings, hardware, None)
    held, training = hold_out(encode_all(models, settings, data.prompts), held_out)
    assert models.student is not None
    writers = models.writers(Network(models.student, models.vocabulary))
    evaluator = Evaluator(writers, held, [], settings.evaluation, seed=0, batch=32, repetition_stop=0)
    store = RolloutStore(out / "teacher")
    given = store.read(0)
    if given is None:  # the same for every arm: the start, the held-out prompts and the random numbers are
        given = evaluator.answers("teacher", held, 1.0)
        store.write(0, given)
        before, _ = evaluator.student(given)
        write_json(out / "before.json", {name: before[name].as_dict() for name in MEASURES})
    trainer = Trainer(writers, training, settings, out / f"{arm}-{seed}")
    while trainer.totals["completion_tokens"] < tokens:
        trainer.one_step(10**9)
    after, _ = evaluator.student(given)
    return {
        "arm": arm,
        "seed": seed,
        "steps": trainer.step,
        "tokens": int(trainer.totals["completion_tokens"]),
        "before": json.loads((out / "before.json").read_text(encoding="utf-8")),
        "after": {name: after[name].as_dict() for name in MEASURES},
    }


def write_prompts(path: Path) -> Path:
    """Openings of real conversations to which somebody replied, as `messages` with the reply last."""
    lines = []
    for prompt in load_prompts(PromptSource(name="chitchat")):
        if prompt.reference is not None:
            turns = [m.as_dict() for m in prompt.messages] + [{"role": "assistant", "content": prompt.reference}]
            lines.append(json.dumps({"messages": turns}, ensure_ascii=False))
    write_atomic(path, "".join(line + "\n" for line in lines))
    return path


def table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title="held-out prompts; 95 % intervals over prompts")
    for column in ("arm", "seed", "steps", "tokens", *MEASURES):
        shown.add_column(column, no_wrap=True)
    first = rows[0]
    shown.add_row("start", "", "", "", *(_cell(first["before"][name]) for name in MEASURES))
    for row in sorted(rows, key=lambda r: (list(ARMS).index(r["arm"]), r["seed"])):
        cells = (_cell(row["after"][name]) for name in MEASURES)
        shown.add_row(row["arm"], str(row["seed"]), str(row["steps"]), str(row["tokens"]), *cells)
    return shown


def _cell(metric: dict[str, float]) -> str:
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=16000)
    parser.add_argument("--layers", type=int, default=14)
    parser.add_argument("--held-out", type=int, default=48)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    student = out / f"start-{arguments.layers}"
    if not arguments.table:
        if not student.exists():
            cut_student("bundled", arguments.layers, student)
        prompts = write_prompts(out / "prompts.jsonl")
        for seed in arguments.seeds:
            for arm in arguments.arms:
                path = out / f"{arm}-{seed}.json"
                if not path.exists():
                    write_json(path, run_arm(arm, seed, student, prompts, arguments.tokens, arguments.held_out, out))
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*-[0-9]*.json"))]
    write_json(out / "results.json", rows)
    Console(width=140).print(table(rows))


if __name__ == "__main__":
    main()
