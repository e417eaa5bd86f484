"""A corpus from packages that are installed anyway, so that traffic can be composed with no download.

Conversations are those of `chitchat-dataset` (read where it lies, never imported), beside the project's own
instructions as questions of one turn; benchmarks are tasks that `reasoning-gym` makes from a seed; passages and the
code that agents read are the documentation and the source of Python's standard library; roles, coding tasks and how a
coding agent goes about them are ours.
"""

import importlib.util
import json
from collections.abc import Callable, Collection
from importlib import resources
from pathlib import Path
from typing import Any

from stillhouse.distill.prompts import packaged
from stillhouse.errors import ConfigError
from stillhouse.range.corpus.clip import ANSWER, PROMPT, clip
from stillhouse.range.corpus.coding import code_tasks, coding_sessions, library_passages
from stillhouse.range.corpus.corpus import Conversation, Corpus, Item, Task
from stillhouse.range.corpus.roles import ROLES

__all__ = ["packaged_corpus"]

_TURNS = 8
_ITEMS = 300  # of each benchmark
_BENCHMARKS = (
    "aiw",
    "calendar_arithmetic",
    "course_schedule",
    "family_relationships",
    "gsm_symbolic",
    "leg_counting",
    "letter_counting",
    "propositional_logic",
    "sentence_reordering",
    "syllogism",
    "time_intervals",
    "word_sorting",
)
_PYTHON = "Python standard library (PSF-2.0)"


def packaged_corpus(kinds: Collection[str] | None = None) -> Corpus:
    """The packaged text of `kinds` (all of them by default); other kinds stay empty.

    Raises ConfigError where a package that a kind needs is not installed.
    """
    wanted = set(_MAKERS) if kinds is None else set(kinds) & set(_MAKERS)
    made = {kind: _MAKERS[kind]() for kind in sorted(wanted)}
    sources = {kind: _SOURCES[kind] for kind in sorted(wanted)}
    if kinds is None or "gaps" in kinds:
        sources["gaps"] = "model (log-normal and exponential)"
    licences = {source: terms for kind in wanted for source, terms in _LICENCES[kind].items()}
    return Corpus(**made, sources=sources, licences=dict(sorted(licences.items())))


def _conversations() -> tuple[Conversation, ...]:
    spec = importlib.util.find_spec("chitchat_dataset")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "corpus: conversations come from the package chitchat-dataset, which is not installed; "
            "install it with: pip install 'stillhouse[distill]', or give a folder with --corpus"
        )
    data = json.loads(Path(spec.origin).with_name("dataset.json").read_text(encoding="utf-8"))
    talks = [
        Conversation(f"chitchat/{name}", turns) for name, talk in data.items() if (turns := _turns(talk["messages"]))
    ]
    asked = [
        Conversation(f"instructions/{prompt.id}", ((prompt.messages[0].content, ""),))
        for prompt in packaged.instructions(0)
    ]
    return tuple(talks + asked)


def _turns(pieces: list[list[dict[str, Any]]]) -> tuple[tuple[str, str], ...]:
    """Every second turn is the asking person's; a conversation of fewer than four words says nothing."""
    said = [" ".join(piece["text"].strip() for piece in turn).strip() for turn in pieces[: 2 * _TURNS]]
    said = [text for text in said if text]
    if not said or len(said[0].split()) < 4:
        return ()
    pairs = zip(said[::2], [*said[1::2], ""], strict=False)
    return tuple((clip(one, PROMPT), clip(other, ANSWER)) for one, other in pairs)


def _instructions() -> tuple[Task, ...]:
    return tuple(Task(prompt.messages[0].content) for prompt in packaged.instructions(0))


def _benchmarks() -> dict[str, tuple[Item, ...]]:
    made = {
        name: tuple(
            Item(clip(item.messages[0].content, PROMPT), clip(str(item.answer or ""), ANSWER))
            for item in packaged.reasoning_gym(name, _ITEMS, 0)
        )
        for name in _BENCHMARKS
    }
    rows = (
        resources.files("stillhouse.distill").joinpath("data/following.jsonl").read_text(encoding="utf-8").splitlines()
    )
    made["following"] = tuple(Item(json.loads(row)["prompt"]) for row in rows)
    made["code"] = tuple(Item(f"Complete the task in code only.\n{task}") for task in code_tasks()[:164])
    return {name: tuple(dict.fromkeys(items)) for name, items in made.items()}


_MAKERS: dict[str, Callable[[], Any]] = {
    "agentic": coding_sessions,
    "benchmarks": _benchmarks,
    "code_tasks": code_tasks,
    "conversations": _conversations,
    "documents": library_passages,
    "instructions": _instructions,
    "roles": lambda: ROLES,
}
_SOURCES = {
    "agentic": f"written for this project, with files of the {_PYTHON}",
    "benchmarks": "reasoning-gym tasks, stillhouse following and coding tasks",
    "code_tasks": "written for this project",
    "conversations": "chitchat-dataset, stillhouse instructions",
    "documents": _PYTHON,
    "instructions": "stillhouse instructions",
    "roles": "written for this project",
}
_OURS = {"stillhouse": packaged.LICENCES["instructions"]}
_LICENCES = {
    "agentic": _OURS | {"Python standard library": "PSF-2.0"},
    "benchmarks": _OURS | {"reasoning-gym": packaged.LICENCES["reasoning-gym"]},
    "code_tasks": _OURS,
    "conversations": _OURS | {"chitchat-dataset": packaged.LICENCES["chitchat"]},
    "documents": {"Python standard library": "PSF-2.0"},
    "instructions": _OURS,
    "roles": _OURS,
}
