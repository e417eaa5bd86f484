"""`stillhouse distill evaluate`: any student against any teacher of the same tokenizer, outside a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.evaluate import Evaluator
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.network import Network
from stillhouse.distill.setup import encode_all, load_data, load_models

__all__ = ["measure"]


def measure(
    model: str,
    teacher: str,
    *,
    prompts: Path | None,
    limit: int,
    max_prompt_tokens: int,
    max_new_tokens: int,
    tasks: Sequence[str],
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """`{"teacher": {...}, "student": {...}}`, each measure as in evaluation.json (see `evaluate`)."""
    source: dict[str, Any] = {"name": "instructions"} if prompts is None else {"path": str(prompts)}
    settings = DistillSettings.model_validate(
        {
            "teacher": {"model": teacher, "permission": "measured only, nothing is learnt"},
            "student": {"model": model},
            "prompts": [{**source, "limit": limit, "seed": seed}],
            "steps": 1,
            "max_prompt_tokens": max_prompt_tokens,
            "rollout": {"max_new_tokens": max_new_tokens},
            "seed": seed,
            "evaluation": {
                "held_out": 2,
                "max_new_tokens": max_new_tokens,
                "tasks": [{"name": "reasoning-gym", "task": t, "limit": limit, "seed": seed} for t in tasks],
            },
        }
    )
    hardware = Hardware.measure(settings)
    hardware.apply()
    data = load_data(settings)
    models = load_models(settings, hardware, None)
    assert models.student is not None
    evaluator = Evaluator(
        models.writers(Network(models.student, models.vocabulary)),
        encode_all(models, settings, data.prompts),
        [(name, encode_all(models, settings, found)) for name, found in data.tasks],
        settings.evaluation,
        seed=seed,
        batch=settings.rollout.batch,
        chunk=settings.loss_chunk,
        repetition_stop=settings.rollout.repetition_stop,
        progress=progress,
    )
    answers = evaluator.answers("teacher", evaluator.held_out, 1.0)
    student, _ = evaluator.student(answers)
    rows = {"teacher": evaluator.teacher(answers), "student": student}
    return {who: {name: metric.as_dict() for name, metric in row.items()} for who, row in rows.items()}
