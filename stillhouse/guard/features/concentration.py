"""What kind of work a request is, by its first telling word: whoever distils one ability asks for little else.

A coarse sorting on purpose. It describes an account to a reader; honest pipelines do one kind of work as well.
"""

from collections.abc import Sequence
from enum import IntEnum

__all__ = ["NEEDS", "TASKS", "Task", "concentration", "task"]

NEEDS = ("request",)


class Task(IntEnum):
    """A kind of work."""

    TALK = 0
    TOOLS = 1
    CODE = 2
    MATHS = 3
    DATA = 4
    WRITING = 5
    LANGUAGE = 6
    JUDGING = 7


TASKS = tuple(Task)

_TELLING = {
    Task.CODE: "code function python java javascript typescript sql bug compile script html css api regex class",
    Task.MATHS: "solve equation calculate theorem proof integer probability triangle sum derivative integral",
    Task.DATA: "table dataset data csv column chart statistics insights spreadsheet analyst",
    Task.WRITING: "essay story poem email letter blog article paragraph rewrite summarize summarise headline",
    Task.LANGUAGE: "translate translation grammar übersetze traduis traduce traduci translator",
    Task.JUDGING: "score rate grade rubric evaluate judge rank reward",
}
_OF_WORD = {word: kind for kind, words in _TELLING.items() for word in words.split()}
_WORDS = frozenset(_OF_WORD)
_LOOKED_AT = 48  # words


def task(words: Sequence[str], uses_tools: bool) -> Task:
    """The kind of a request with these words of its newest turn, in lower case."""
    if uses_tools:
        return Task.TOOLS
    if _WORDS.isdisjoint(looked_at := words[:_LOOKED_AT]):
        return Task.TALK
    return next(_OF_WORD[word] for word in looked_at if word in _OF_WORD)


def concentration(counts: Sequence[int]) -> tuple[Task, float]:
    """The commonest kind and its share, from how many requests are of each of `TASKS`; (TALK, 0.0) of none."""
    total = sum(counts)
    if not total:
        return Task.TALK, 0.0
    most = max(TASKS, key=lambda kind: (counts[kind], -kind))
    return most, counts[most] / total
