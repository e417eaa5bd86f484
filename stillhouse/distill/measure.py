"""`stillhouse distill evaluate`: any student against any teacher of the same tokenizer, outside a run."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stillhouse.config import load, validate
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.evaluate import Evaluator
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import tokenizer_difference
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.queries import add_queries
from stillhouse.distill.setup import encode_all, load_models, read_data, translate
from stillhouse.distill.store import RolloutStore
from stillhouse.errors import ConfigError
from stillhouse.models.local import load_tokenizer

__all__ = ["evaluation_settings", "measure", "run_of"]


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
    """`{"teacher": {...}, "student": {...}, "prompts": {...}}`, each measure as in evaluation.json (see `evaluate`).

    Without `prompts`, the `student/` of a run is measured on the prompts that its run held out, and any other
    model on the shipped instructions. `prompts` says which, and whether they are known to be held out.
    """
    run = run_of(model) if prompts is None else None
    source: dict[str, Any] = {"name": "instructions"} if prompts is None else {"path": str(prompts)}
    kept = None if run is None else load(DistillSettings, run / "resolved.yaml")
    settings = evaluation_settings(
        model,
        teacher,
        kept,
        source={**source, "limit": limit, "seed": seed},
        limit=limit,
        max_prompt_tokens=max_prompt_tokens,
        max_new_tokens=max_new_tokens,
        tasks=tasks,
        seed=seed,
        crossing=tokenizer_difference(load_tokenizer(teacher), load_tokenizer(model)) is not None,
    )
    data = read_data(settings)
    questions = data.prompts if run is None or kept is None else _held_out(run, kept)[:limit]
    if len(questions) < 2:
        raise ConfigError(f"prompts: {len(questions)} different ones; an interval needs at least 2")
    hardware = Hardware.measure(settings)
    hardware.apply()
    models = load_models(settings, hardware, None)
    assert models.student is not None
    asked = encode_all(models, settings, questions)
    checked = [(name, encode_all(models, settings, found)) for name, found in data.tasks]
    between = translate(models, settings, [*asked, *(p for _, found in checked for p in found)])
    evaluator = Evaluator(
        models.writers(Network(models.student, models.vocabulary), between=between),
        asked,
        checked,
        settings.evaluation,
        seed=seed,
        batch=settings.rollout.batch,
        repetition_stop=settings.rollout.repetition_stop,
        progress=progress,
    )
    answers = evaluator.answers("teacher", evaluator.held_out, 1.0)
    student, _ = evaluator.student(answers)
    rows = {"teacher": evaluator.teacher(answers), "student": student}
    measured = {who: {name: metric.as_dict() for name, metric in row.items()} for who, row in rows.items()}
    origin = str(run) if run is not None else source.get("path", "instructions")
    return {**measured, "prompts": {"source": origin, "held_out": run is not None, "count": len(questions)}}


def evaluation_settings(
    model: str,
    teacher: str,
    kept: DistillSettings | None,
    *,
    source: dict[str, Any],
    limit: int,
    max_prompt_tokens: int,
    max_new_tokens: int,
    tasks: Sequence[str],
    seed: int,
    crossing: bool = False,
) -> DistillSettings:
    """Settings that only measure. `kept` are those of the student's run, whose system prompt and number type stay.

    `crossing`: the two have different tokenizers.
    """
    return validate(
        DistillSettings,
        {
            "teacher": {"model": teacher, "permission": "measured only, nothing is learnt"},
            "student": {"model": model},
            "prompts": [source],
            "steps": 1,
            "max_prompt_tokens": max_prompt_tokens,
            "system": None if kept is None else kept.system,
            "rollout": {"max_new_tokens": max_new_tokens},
            "seed": seed,
            **({"grader": {"kind": "cross_tokenizer"}} if crossing else {}),
            # In what its run measured it in: another number type rounds differently.
            "dtype": "auto" if kept is None else kept.dtype,
            "evaluation": {
                "held_out": 2,
                "max_new_tokens": max_new_tokens,
                "tasks": [{"name": "reasoning-gym", "task": t, "limit": limit, "seed": seed} for t in tasks],
            },
        },
        "distill evaluate",
    )


def run_of(model: str) -> Path | None:
    """The run whose `student/` this is, if it is one."""
    folder = Path(model).expanduser()
    run = folder.resolve().parent
    whole = folder.name == "student" and all((run / name).is_file() for name in ("manifest.json", "resolved.yaml"))
    return run if whole else None


def _held_out(run: Path, settings: DistillSettings) -> list[Prompt]:
    """The prompts that `run` kept away from training: those that its student answered before it."""
    data = read_data(settings)
    if data.magpie is not None:
        add_queries(data, json.loads((run / "magpie.json").read_text(encoding="utf-8")), settings)
    known = {prompt.id: prompt for prompt in data.prompts}
    answers = RolloutStore(run / "evaluation").read(1) or []
    if not answers or any(answer.prompt_id not in known for answer in answers):
        raise ConfigError(f"{run}: the prompts that this run held out are not in its sources any more; give --prompts")
    return [known[answer.prompt_id] for answer in answers]
