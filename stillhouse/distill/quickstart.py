"""The first thing that a stranger runs: the bundled teacher, a student cut from it, and the evidence.

It is an ordinary run with settings that fit two CPU cores and a few minutes. The settings are written to the
run folder like any other's, so what it does can be read, changed and run again.

Ten of thirty layers stay, chosen by block influence, which takes seconds where the search by KL takes over a minute
and starts nearer (dev/LOG.md, 2026-11-23). A student cut that far says nothing sensible at first, so half of the
answers are the teacher's own (`lmbda: 0.5`), graded in the same way, by forward KL.
"""

from rich.table import Table

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.measures import cell_text
from stillhouse.models.bundled import BUNDLED

__all__ = ["comparison", "quickstart_settings"]


def quickstart_settings(minutes: float, seed: int = 0) -> DistillSettings:
    """Settings of `stillhouse quickstart`: `minutes` of training, measuring before and after comes on top."""
    return DistillSettings.model_validate(
        {
            "teacher": {"model": "bundled", "permission": BUNDLED.permission},
            "student": {"prune": "bundled", "layers": 10, "importance": "block_influence"},
            "prompts": [{"name": "instructions"}, {"name": "chitchat", "limit": 200}],
            "minutes": minutes,
            "grader": {"kind": "divergence", "beta": 0.0},
            "lmbda": 0.5,
            "batch": 8,
            "micro_batch": 8,
            "rollout": {"max_new_tokens": 48, "batch": 32, "steps_ahead": 8},
            "optimizer": {"lr": 8e-4},
            "checkpoint": {"every": 100, "keep": 1},
            "evaluation": {"held_out": 32, "max_new_tokens": 48},
            "seed": seed,
        }
    )


def comparison(evaluation: dict[str, dict[str, dict[str, float]]]) -> Table:
    """Teacher, before and after, one row a measure, with 95 % intervals."""
    table = Table(title="held-out prompts, 95 % intervals over prompts")
    for title in ("measure", "before", "after", "teacher"):
        table.add_column(title, justify="left" if title == "measure" else "right")
    for name, metric in evaluation["after"].items():
        if metric["value"] is None:
            continue
        table.add_row(name, *(_cell(name, evaluation[who].get(name)) for who in ("before", "after", "teacher")))
    return table


def _cell(name: str, metric: dict[str, float] | None) -> str:
    return "" if metric is None or metric["value"] is None else cell_text(name, metric)
