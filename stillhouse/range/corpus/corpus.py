"""Text by kind of use, as one value that can be cut into two halves.

Thresholds must not be chosen on the text that they are measured on. A half takes whole users and whole items, by a
hash of their own name, so it stays the same when files are added or put in another order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeVar

from stillhouse.errors import ConfigError
from stillhouse.range.corpus.topics import Topics, find_topics

__all__ = ["CodingSession", "Conversation", "Corpus", "Item", "Task"]

T = TypeVar("T")
_SHORTEST_SUITE = 10


class Conversation(NamedTuple):
    """Turns of one conversation, each what the person said and what was answered; `user` where the source names one."""

    id: str
    turns: tuple[tuple[str, str], ...]
    user: str | None = None


class Task(NamedTuple):
    """An instruction as in self-instruct, with its input (may be empty) and an output (may be empty)."""

    instruction: str
    input: str = ""
    output: str = ""


class Item(NamedTuple):
    """One question of a benchmark and its answer."""

    question: str
    answer: str = ""


class CodingSession(NamedTuple):
    """A task given to a coding agent, its calls of tools (name, arguments, result), and what it said at the end."""

    task: str
    steps: tuple[tuple[str, Mapping[str, str], str], ...]
    summary: str


@dataclass(frozen=True)
class Corpus:
    """Everything that a composition takes words from.

    `gaps` are real inter-arrival times by name, each list divided by its mean. `sources` says for each kind where it
    came from, `licences` the terms by source, `unknown_rows` how many rows of its files were of no known shape.
    """

    conversations: tuple[Conversation, ...] = ()
    instructions: tuple[Task, ...] = ()
    benchmarks: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    documents: tuple[str, ...] = ()
    code_tasks: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    agentic: tuple[CodingSession, ...] = ()
    gaps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    unknown_rows: int = 0

    @property
    def suites(self) -> list[tuple[Item, ...]]:
        """Benchmarks that one measures a model on: of some length, and no training parts."""
        named = sorted(self.benchmarks.items())
        return [items for name, items in named if not name.endswith("_train") and len(items) >= _SHORTEST_SUITE]

    @cached_property
    def topics(self) -> Topics:
        """The conversations by topic; found at the first use."""
        return find_topics([conversation.turns[0][0] for conversation in self.conversations])

    @cached_property
    def digest(self) -> str:
        """`blake2b:<hex>` of all texts: two compositions of one seed and one digest are the same bytes."""
        hashed = blake2b(digest_size=16)
        for part in (
            self.conversations,
            self.instructions,
            sorted(self.benchmarks.items()),
            self.documents,
            self.code_tasks,
            self.roles,
            self.agentic,
            sorted(self.gaps.items()),
        ):
            for entry in part:
                hashed.update(repr(entry).encode())
            hashed.update(b"\0")
        return f"blake2b:{hashed.hexdigest()}"

    def half(self, which: Literal["a", "b"]) -> "Corpus":
        """The half of that name: whole users, conversations, tasks and items; arrivals are in both.

        Raises ConfigError for another name, and where a kind has too little text to have something in the half.
        """
        if which not in ("a", "b"):
            raise ConfigError(f"corpus half '{which}': there are two, `a` and `b`; name one of them")
        cut: dict[str, Any] = {
            "conversations": _half(which, ((talk.user or talk.id, talk) for talk in self.conversations)),
            "instructions": _half(which, ((task.instruction, task) for task in self.instructions)),
            "benchmarks": {
                name: _half(which, ((item.question, item) for item in items)) for name, items in self.benchmarks.items()
            },
            "documents": _half(which, ((text, text) for text in self.documents)),
            "code_tasks": _half(which, ((text, text) for text in self.code_tasks)),
            "roles": _half(which, ((text, text) for text in self.roles)),
            "agentic": _half(which, ((session.task, session) for session in self.agentic)),
        }
        cut["benchmarks"] = {name: items for name, items in cut["benchmarks"].items() if items}
        for kind, texts in cut.items():
            if not texts:
                raise ConfigError(
                    f"corpus half '{which}': nothing of its {kind} ({self.sources.get(kind, 'unknown source')}) "
                    "falls into it; give more text"
                )
        return replace(self, **cut)


def _half(which: str, entries: Iterable[tuple[str, T]]) -> tuple[T, ...]:
    wanted = "ab".index(which)
    return tuple(entry for name, entry in entries if blake2b(name.encode(), digest_size=1).digest()[0] & 1 == wanted)
