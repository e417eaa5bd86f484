"""Sources that come with the package or with one of its dependencies, so that a first run needs no download.

What a dependency holds is read where it is installed; nothing of it is copied. Only its data is used:
`chitchat-dataset` is not even imported, and `reasoning-gym` tasks whose scorers run an answer as code
are refused, because the answer is a model's text.
"""

import difflib
import hashlib
import importlib
import importlib.util
import json
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from stillhouse.distill.prompts.prompt import Prompt
from stillhouse.errors import ConfigError
from stillhouse.types import Message

__all__ = [
    "GENERATED",
    "LICENCES",
    "REFUSED",
    "chitchat",
    "instructions",
    "reasoning_gym",
    "reasoning_gym_tasks",
]

LICENCES = {
    "instructions": "Apache-2.0",
    "chitchat": "MIT",
    "reasoning-gym": "Apache-2.0",
    "magpie": "written by the teacher; as its `permission` says",
}
GENERATED = 500  # items of a generated task when no `limit` is given
_OPENING_WORDS = range(4, 61)  # shorter openings say only hello; longer ones crowd out the answer

_RUNS_ANSWER = "its scorer runs the answer as Python code"
_UNSTABLE = "its items change from process to process, so a run could not be resumed"
REFUSED = {
    "binary_matrix": _RUNS_ANSWER,
    "countdown": _RUNS_ANSWER,
    "intermediate_integration": _RUNS_ANSWER,
    "n_queens": _RUNS_ANSWER,
    "polynomial_multiplication": _RUNS_ANSWER,
    "puzzle24": _RUNS_ANSWER,
    "simple_integration": _RUNS_ANSWER,
    "spiral_matrix": _RUNS_ANSWER,
    "string_insertion": _RUNS_ANSWER,
    "isomorphic_strings": _UNSTABLE,
    "knight_swap": _UNSTABLE,
    "list_functions": _UNSTABLE,
    "ransom_note": _UNSTABLE,
    "word_ladder": _UNSTABLE,
    "codeio": "it runs collected program code to make its items",
    "composite": "it is a mixture of other tasks; name those as sources of their own",
    "game_of_life_halting": "its scorer accepts any text for one of its two answers",
}


def instructions(seed: int) -> list[Prompt]:
    """Our own instruction set, in an order fixed by `seed`; `meta` has the category."""
    text = resources.files("stillhouse.distill").joinpath("data/instructions.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return _shuffled(
        (Prompt.of([Message("user", row["prompt"])], meta={"category": row["category"]}) for row in rows), seed
    )


def chitchat(seed: int) -> list[Prompt]:
    """What people said first in the conversations of `chitchat-dataset`, in an order fixed by `seed`.

    `reference` is what the other person replied, where somebody did.

    A turn typed in several pieces is joined by spaces, as the package does it; openings of fewer than 4
    or more than 60 words are left out. Raises ConfigError where the package is not installed.
    """
    spec = importlib.util.find_spec("chitchat_dataset")
    if spec is None or spec.origin is None:
        raise ConfigError(_missing("chitchat", "chitchat-dataset"))
    data = json.loads(Path(spec.origin).with_name("dataset.json").read_text(encoding="utf-8"))
    openings = (Prompt.of([Message("user", text)], reference=reply) for text, reply in _openings(data))
    return _shuffled(openings, seed)


def reasoning_gym(task: str, size: int, seed: int) -> list[Prompt]:
    """`size` items of one procedural task; `meta["entry"]` is what its scorer needs.

    The generator draws item i from `seed + i`, so neighbouring seeds would share nearly all items; `seed`
    is therefore hashed with the task's name first, and a held-out set with another seed is another set.
    Raises ConfigError for an unknown or refused task.
    """
    if task in REFUSED:
        raise ConfigError(f"reasoning-gym task '{task}' cannot be used: {REFUSED[task]}; choose another")
    tasks = reasoning_gym_tasks()
    if task not in tasks:
        close = difflib.get_close_matches(task, tasks, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"known tasks: {', '.join(tasks)}"
        raise ConfigError(f"reasoning-gym has no task '{task}'; {remedy}")
    base = int(hashlib.sha256(f"{task}/{seed}".encode()).hexdigest()[:7], 16)
    items = importlib.import_module("reasoning_gym").create_dataset(task, size=size, seed=base)
    return [
        Prompt.of(
            [Message("user", entry["question"])],
            answer=entry["answer"],
            task=f"reasoning-gym/{task}",
            meta={"entry": entry},
        )
        for entry in (items[index] for index in range(size))
    ]


def reasoning_gym_tasks() -> list[str]:
    """Names of the tasks that can be used, sorted. Raises ConfigError where `reasoning-gym` is not installed."""
    if importlib.util.find_spec("reasoning_gym") is None:
        raise ConfigError(_missing("reasoning-gym", "reasoning-gym"))
    return sorted(set(importlib.import_module("reasoning_gym.factory").DATASETS) - set(REFUSED))


def _openings(conversations: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for conversation in conversations.values():
        turns = [" ".join(piece["text"].strip() for piece in turn).strip() for turn in conversation["messages"][:2]]
        if turns and len(turns[0].split()) in _OPENING_WORDS:
            yield turns[0], (turns[1] or None) if len(turns) > 1 else None


def _shuffled(prompts: Iterable[Prompt], seed: int) -> list[Prompt]:
    """Order by a hash of seed and id: the same on every Python version, and for any subset."""
    return sorted(prompts, key=lambda prompt: hashlib.sha256(f"{seed}/{prompt.id}".encode()).digest())


def _missing(source: str, package: str) -> str:
    return f"prompt source '{source}' needs the package {package}; install it with: pip install 'stillhouse[distill]'"
