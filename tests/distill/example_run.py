"""A small run folder of known numbers, for the tests of the pages that are made from one."""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stillhouse.config import dump, validate
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.flops import ModelShape, rollout_flops, student_flops, teacher_flops
from stillhouse.distill.manifest import StudentRecord, TeacherRecord, build_manifest

STEPS = 120
STARTED = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
SETTINGS = {
    "teacher": {"model": "bundled", "permission": "Apache-2.0 licence of the weights"},
    "student": {"prune": "bundled", "layers": 14},
    "prompts": [{"name": "instructions"}, {"name": "reasoning-gym", "task": "gsm_symbolic", "limit": 400}],
    "steps": STEPS,
}
SAMPLES: list[dict[str, Any]] = [
    {
        "prompt": "Explain to a ten-year-old why the sky is blue.",
        "teacher": "Sunlight looks white, but it is made of many colours. When it meets the air, the blue part is "
        "scattered in all directions much more than the red part, so blue light reaches your eyes from everywhere.",
        "before": "The sky is the sky of the sky of the sky of the sky of the sky of the sky of the sky",
        "after": "Light from the sun has many colours. The air scatters the blue ones most, so the sky looks blue.",
        "finish": {"teacher": "stop", "before": "repetition", "after": "stop"},
    },
    {
        "prompt": "How do I show <b>bold</b> text & a script in HTML?",
        "teacher": "Use the <b> element:\n\n<b>bold</b>\n\nand for a script <script>alert('x')</script>.",
        "before": "",
        "after": "Write <b>bold</b>, and put code into <script>alert(1)</script> & close it.",
        "finish": {"teacher": "stop", "before": "stop", "after": "length"},
    },
]


def result(value: float, low: float, high: float, n: int = 64) -> dict[str, Any]:
    """One measure in the form of `evaluation.json`."""
    return {"value": value, "low": low, "high": high, "n": n, "method": "percentile bootstrap over prompts, 2000"}


EVALUATION: dict[str, Any] = {
    "teacher": {
        "kl_to_teacher": result(0.0, 0.0, 0.0),
        "on_policy_kl": result(0.0, 0.0, 0.0),
        "top1_agreement": result(1.0, 1.0, 1.0),
        "exact_match/reasoning-gym/gsm_symbolic": result(0.09, 0.05, 0.14, 200),
        "answer_length": result(54.2, 51.0, 57.3),
    },
    "before": {
        "kl_to_teacher": result(3.4127, 3.2871, 3.5402),
        "on_policy_kl": result(4.871, 4.655, 5.091),
        "top1_agreement": result(0.3164, 0.3008, 0.3319),
        "exact_match/reasoning-gym/gsm_symbolic": result(0.0, 0.0, 0.018, 200),
        "answer_length": result(63.1, 62.2, 64.0),
    },
    "after": {
        "kl_to_teacher": result(0.9346, 0.8893, 0.9811),
        "on_policy_kl": result(0.7218, 0.6774, 0.7703),
        "top1_agreement": result(0.6471, 0.6302, 0.6644),
        "exact_match/reasoning-gym/gsm_symbolic": result(0.015, 0.0, 0.035, 200),
        "answer_length": result(56.8, 53.9, 59.6),
    },
}


def manifest(*, finished: bool = True) -> dict[str, Any]:
    """The manifest of the example run."""
    teacher = ModelShape(backbone=106_203_456, hidden=576, vocab=49152)
    student = ModelShape(backbone=49_561_920, hidden=576, vocab=49152)
    return build_manifest(
        settings=validate(DistillSettings, SETTINGS, place="example"),
        teacher=TeacherRecord(
            id="HuggingFaceTB/SmolLM2-135M-Instruct",
            revision=None,
            weights_digest="5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c",
            licence="Apache-2.0",
            permission="Apache-2.0 licence of the weights",
            parameters=134_515_008,
        ),
        teachers={},
        trained_digest="e" * 64,
        student=StudentRecord(
            id="HuggingFaceTB/SmolLM2-135M-Instruct",
            revision=None,
            licence="Apache-2.0",
            layers_kept=(0, 1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 26, 28, 29),
            weights_digest="c157687f61ad9cee9f33f9a8ae3eb4bb3a2d2ad4a2d7b3e9e3bb2f5f8e6a7d10",
            parameters=77_873_472,
        ),
        prompts=[
            {
                "source": "instructions",
                "task": None,
                "licence": "Apache-2.0",
                "digest": "0f343b0931126a20f133d67c2b018a3b5f0a2d2d1f0e8f6b7a9d4c3b2a190817",
                "count": 612,
            },
            {
                "source": "reasoning-gym",
                "task": "gsm_symbolic",
                "licence": "Apache-2.0",
                "digest": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
                "count": 400,
            },
        ],
        versions={"stillhouse": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0", "python": "3.12.4"},
        commit="1f3a5c7e9b2d4f6081a3c5e7f9b1d3f5a7c9e1b3",
        command=["stillhouse", "distill", "run", "quickstart.yaml", "steps=120", "--out", "runs/first run"],
        seeds={"run": 0, "prompts[0]": 0, "prompts[1]": 0},
        tokens={"rollout": 54_912, "teacher": 93_312, "student": 93_312},
        flops={
            "rollout": rollout_flops(student, prompt_tokens=38_400, completion_tokens=54_912),
            "teacher": teacher_flops(teacher, prompt_tokens=38_400, completion_tokens=54_912),
            "student": student_flops(student, prompt_tokens=38_400, completion_tokens=54_912),
        },
        started=STARTED,
        finished=STARTED + timedelta(minutes=6) if finished else None,
        api_cost_usd=0.0,
        judge_prompts={},
    )


def steps(last: int = STEPS) -> list[dict[str, Any]]:
    """Lines of `metrics.jsonl`: a loss that falls, with noise that is the same each time."""
    noise = random.Random(0)
    lines = []
    for step in range(1, last + 1):
        loss = 0.75 + 3.9 * math.exp(-step / 22) + noise.gauss(0, 0.09)
        lines.append(
            {
                "step": step,
                "of": STEPS,
                "loss": loss,
                "kl": loss,
                "entropy": 1.7 + 1.5 * math.exp(-step / 15) + noise.gauss(0, 0.08),
                "lr": 3e-4 * min(step / 6, 0.55 + 0.45 * math.cos(math.pi * step / STEPS)),
                "grad_norm": 2.1 + 8 * math.exp(-step / 9) + abs(noise.gauss(0, 0.4)),
                "tokens": round(457.6 * step),
                "tokens_per_second": 178 + noise.gauss(0, 9),
                "answer_length": 57 + 7 * math.exp(-step / 20) + noise.gauss(0, 1),
                "clipped_ratio": min(1.0, max(0.0, 0.4 + 0.5 * math.exp(-step / 18) + noise.gauss(0, 0.06))),
                "repetition_ratio": max(0.0, 0.25 * math.exp(-step / 12) + noise.gauss(0, 0.02)),
                "seconds": {"rollout": 1.1, "teacher": 0.42, "student": 0.95, "optimizer": 0.12, "other": 0.03},
                "elapsed": 2.62 * step,
            }
        )
    return lines


def write_example_run(folder: Path) -> Path:
    """A finished run; tests remove from it or write over it."""
    folder.mkdir(parents=True)
    (folder / "resolved.yaml").write_text(dump(validate(DistillSettings, SETTINGS, place="example")), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest()), encoding="utf-8")
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION), encoding="utf-8")
    (folder / "metrics.jsonl").write_text(as_lines(steps()), encoding="utf-8")
    (folder / "samples.jsonl").write_text(as_lines(SAMPLES), encoding="utf-8")
    (folder / "student").mkdir()
    return folder


def as_lines(rows: list[dict[str, Any]]) -> str:
    """Rows as JSONL."""
    return "".join(json.dumps(row) + "\n" for row in rows)
