"""Model folders, prompts and settings so small that a whole run takes about two seconds."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from stillhouse.models.gguf import without_progress_bars

__all__ = ["Pair", "rows", "run_settings", "write_folder", "write_prompts", "write_yaml"]

COLOURS = ("red", "green", "blue", "grey", "black", "white")
THINGS = ("bird", "door", "river", "stone", "lamp")


@dataclass(frozen=True)
class Pair:
    """Folders of a teacher and a student of one tokenizer, and a file of 30 prompts with given answers."""

    teacher: Path
    student: Path
    prompts: Path


def write_folder(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    """What `save_pretrained` makes of the two."""
    with without_progress_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_prompts(path: Path, count: int = 30, *, given: bool = True) -> Path:
    """`count` different questions; with `given`, an answer to each."""
    lines = []
    for i in range(count):
        question = f"Where is the {COLOURS[i % 6]} {THINGS[i % 5]} that the user asks for?"
        answer = {"completion": f"the {THINGS[i % 5]} is in the answer"} if given else {}
        lines.append(json.dumps({"prompt": question, **answer}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def run_settings(pair: Pair, **changes: Any) -> dict[str, Any]:
    """Settings of a run of 12 steps; `a__b=value` changes the key `a.b`, None removes it."""
    settings: dict[str, Any] = {
        "teacher": {"model": str(pair.teacher), "permission": "made by this test"},
        "student": {"model": str(pair.student)},
        "prompts": [{"path": str(pair.prompts)}],
        "steps": 12,
        "batch": 4,
        "micro_batch": 2,
        "max_prompt_tokens": 200,
        "optimizer": {"lr": 0.003},
        "rollout": {"batch": 8, "max_new_tokens": 10, "steps_ahead": 2, "repetition_stop": 0},
        "checkpoint": {"every": 3, "keep": 2},
        "evaluation": {"held_out": 8, "max_new_tokens": 10, "samples": 2, "resamples": 200},
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
    }
    settings = copy.deepcopy(settings)
    for key, value in changes.items():
        *above, last = key.split("__")
        here = settings
        for name in above:
            here = here.setdefault(name, {})
        if value is None:
            here.pop(last, None)
        else:
            here[last] = value
    return settings


def write_yaml(path: Path, settings: Mapping[str, Any]) -> Path:
    """`settings` as a config file."""
    path.write_text(yaml.safe_dump(dict(settings), sort_keys=False), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
