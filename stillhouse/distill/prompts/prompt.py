"""One question to a model, named by a hash of its words.

A name from a counter or a file position would change when a file is sorted or a second one is added,
and would let one question sit in the training set and in the held-out set under two names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stillhouse.types import Message

__all__ = ["Prompt", "digest", "drop_duplicates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The turns before an answer. The last turn is never the assistant's.

    `id` is 16 hex digits of the SHA-256 of `messages`; make prompts with `Prompt.of`, which computes it.
    `reference` is a given assistant answer, `answer` the final answer that a checker compares with,
    `task` names that checker (see `stillhouse.distill.tasks`), `meta` holds what the checker needs.
    `place` is where it was read, for messages; it is part of neither id nor digest nor equality.
    """

    id: str
    messages: tuple[Message, ...]
    reference: str | None = None
    answer: str | None = None
    task: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    place: str | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        messages: Iterable[Message],
        *,
        reference: str | None = None,
        answer: str | None = None,
        task: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> "Prompt":
        """A prompt with its id computed."""
        turns = tuple(messages)
        return cls(
            id=_sha256([turn.as_dict() for turn in turns])[:16],
            messages=turns,
            reference=reference,
            answer=answer,
            task=task,
            meta=meta or {},
        )


def digest(prompts: Iterable[Prompt]) -> str:
    """SHA-256 (hex) over id, messages, reference, answer and task of every prompt, in order.

    `meta` is left out: for generated tasks it is the generator's private state, whose layout may change
    with the generator's version while question and answer stay the same.
    """
    return _sha256(
        [
            [prompt.id, [m.as_dict() for m in prompt.messages], prompt.reference, prompt.answer, prompt.task]
            for prompt in prompts
        ]
    )


def drop_duplicates(prompts: Iterable[Prompt]) -> tuple[list[Prompt], int]:
    """The first prompt of each id, in order, and how many were dropped."""
    unique: dict[str, Prompt] = {}
    seen = 0
    for prompt in prompts:
        seen += 1
        unique.setdefault(prompt.id, prompt)
    return list(unique.values()), seen - len(unique)


def _sha256(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
