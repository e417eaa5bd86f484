"""Is an answer right? Exact match on tasks with a checkable final answer.

A small model says the right thing in many shapes ("#### 18", "the answer is **$18**.", "18"), so what is
compared is a final answer taken out of the completion by fixed rules. The rules know nothing of which
model wrote the text: teacher, student before and student after are measured alike.

The rules, in order:
1. The marked answer is what follows the last mark of the first kind that occurs: `<answer>...</answer>`;
   `\\boxed{...}`; `####` to the end of its line; "answer is" or "answer:" to the end of its sentence or line.
2. Where the known answer is a number, the completion's answer is the last number of the marked answer;
   where that has none, the last number after the mark; without a mark, the last number of all.
   A dollar sign and thousands commas are dropped, and 18.0 equals 18.
3. Where the known answer is text, it is the marked answer; without a mark, the last line that is not
   empty, or the whole completion if the known answer has several lines or the task has many right answers.
   Markdown and quotes around it and a full stop after it may be there or not.
"""

import importlib
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from stillhouse.distill.prompts import Prompt

__all__ = ["check", "final_number", "is_checkable", "marked_answer"]

REASONING_GYM = "reasoning-gym/"
_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_HASHES = re.compile(r"####\s*([^\n]*)")
# A sentence ends at a full stop before white space or the end, so that "3.5" is not cut in two.
_PHRASE = re.compile(r"\banswer(?:\s+is\b:?|\**:)[\s*]*((?:[^\n.]|\.(?!\s|$))*)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\w)(?<!\d\.)[-\N{MINUS SIGN}]?\$?-?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?!\d)")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
# What a scorer raises when it cannot read an answer: several parse it without a guard.
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError)


def is_checkable(prompt: Prompt) -> bool:
    """Whether `check` can tell right from wrong for this prompt."""
    return prompt.task in ("gsm8k", "exact") or (prompt.task or "").startswith(REASONING_GYM)


def check(prompt: Prompt, completion: str) -> bool:
    """True if the final answer of `completion` is right by the rules at the top of this file.

    Numbers are compared as numbers, other answers word for word without regard to case and white space.
    `reasoning-gym` tasks are judged by the task's own scorer, which must give 1.0; an answer that the
    scorer cannot read is wrong. Raises ValueError for a prompt that is not checkable.
    """
    task, answer = prompt.task or "", prompt.answer
    if task.startswith(REASONING_GYM):
        dataset = _dataset(task.removeprefix(REASONING_GYM))
        return any(_score(dataset, given, prompt.meta["entry"]) for given in _candidates(answer, completion))
    if not is_checkable(prompt) or answer is None:
        raise ValueError(f"prompt {prompt.id} has task {prompt.task!r}, which has no checker")
    if _PLAIN_NUMBER.fullmatch(answer):
        number = final_number(completion)
        return number is not None and number == Decimal(answer)
    return any(_folded(given) == _folded(answer) for given in _candidates(answer, completion))


def marked_answer(completion: str) -> str | None:
    """The text that the completion itself marks as its answer (rule 1), or None."""
    found = _last_mark(completion)
    return found.group(1).strip() if found else None


def final_number(completion: str) -> Decimal | None:
    """The number that the completion ends up with (rule 2), or None if it has no number there."""
    mark = _last_mark(completion)
    if mark is None:
        return _last_number(completion)
    number = _last_number(mark.group(1))
    return number if number is not None else _last_number(completion[mark.end(1) :])


def _last_mark(completion: str) -> re.Match[str] | None:
    for pattern in (_TAG, _BOXED, _HASHES, _PHRASE):
        if found := list(pattern.finditer(completion)):
            return found[-1]
    return None


def _last_number(text: str) -> Decimal | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    sign = "-" if found[-1].group(0)[0] in "-\N{MINUS SIGN}" or "$-" in found[-1].group(0) else ""
    return Decimal(sign + found[-1].group(1).replace(",", ""))


def _candidates(answer: str | None, completion: str) -> Iterator[str]:
    """The forms of the final answer that a scorer is asked about: as written, then without dressing."""
    if answer is not None and _PLAIN_NUMBER.fullmatch(answer):
        number = final_number(completion)
        if number is not None:
            # Scorers compare strings: a number of the same value is handed over as they write it.
            yield answer if number == Decimal(answer) else f"{number:f}"
        return
    text = marked_answer(completion)
    if text is None:
        whole = completion.strip()
        text = whole if answer is None or "\n" in answer.strip() else whole.rpartition("\n")[2].strip()
    bare = text.strip("*`\"' \n").removesuffix(".").strip("*`\"' \n")
    yield from (form for form in (text, bare) if form)


def _score(dataset: Any, given: str, entry: Any) -> bool:
    try:
        return float(dataset.score_answer(given, entry)) >= 1.0
    except _UNREADABLE:
        return False


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


@cache
def _dataset(name: str) -> Any:
    return importlib.import_module("reasoning_gym").create_dataset(name, size=1, seed=0)
