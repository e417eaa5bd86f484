"""What there is to ask, and the record of what was answered.

An item is one answer to one prompt, and its id is made from the prompt's words and the answer's number. So the list of
items is the same in every process that reads the same prompts, and what a killed run still has to ask is a difference
of two sets of ids.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.distill.prompts import Prompt
from stillhouse.errors import RecordError
from stillhouse.records import append_jsonl, write_atomic
from stillhouse.records.files import decode_line, encode_line
from stillhouse.types import Completion, Message

__all__ = ["Answers", "Item", "items_of"]


@dataclass(frozen=True, slots=True)
class Item:
    """One answer to be had. `messages` is what the teacher reads; `seed` is for endpoints that take one."""

    id: str
    prompt: Prompt
    index: int
    messages: tuple[Message, ...]
    seed: int


def items_of(prompts: Sequence[Prompt], answers: int, system: str | None, seed: int) -> list[Item]:
    """The items of all prompts in their order, `answers` for each; `system` goes before prompts that have none."""
    return [
        Item(id := f"{prompt.id}-{index}", prompt, index, _with_system(prompt, system), _seed(seed, id))
        for prompt in prompts
        for index in range(answers)
    ]


class Answers:
    """`answers.jsonl`: one line an item, in the order in which the answers came.

        {"id", "prompt", "index", "text", "finish_reason"}
        {"id", "prompt", "index", "error"}

    Every append is one write. What a kill leaves unfinished at the end was never recorded: it is not read, and the
    next append cuts it off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def answered(self, item: Item, completion: Completion) -> None:
        """Record an answer."""
        self._append(item, {"text": completion.text, "finish_reason": completion.finish_reason})

    def failed(self, item: Item, error: str) -> None:
        """Record that no try brought an answer."""
        self._append(item, {"error": error})

    def read(self, known: Collection[str]) -> dict[str, dict[str, Any]]:
        """The lines by id. RecordError for a line that is no record, an id not in `known`, or one that comes twice."""
        found: dict[str, dict[str, Any]] = {}
        for place, line in self._lines():
            if not _is_record(line):
                raise RecordError(f"{place}: no answer and no error stands here; remove the line to ask again")
            id = str(line.get("id"))
            if id not in known:
                raise RecordError(f"{place}: answers {id!r}, which is no item of this run; remove the line")
            if id in found:
                raise RecordError(f"{place}: answers {id!r} for the second time; remove one of the two lines")
            found[id] = line
        return found

    def forget_failures(self, known: Collection[str]) -> None:
        """Take the failed items out, so that they are asked again; the file is replaced in one rename."""
        lines = self.read(known)
        if any("error" in line for line in lines.values()):
            write_atomic(self.path, b"".join(encode_line(line) for line in lines.values() if "error" not in line))

    def _append(self, item: Item, content: dict[str, Any]) -> None:
        append_jsonl(self.path, {"id": item.id, "prompt": item.prompt.id, "index": item.index, **content})

    def _lines(self) -> Iterator[tuple[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                place = f"{self.path}:{number}"
                try:
                    yield place, decode_line(line.rstrip(b"\n"), place)
                except RecordError:
                    if line.endswith(b"\n"):
                        raise


def _is_record(line: object) -> bool:
    match line:
        case {"error": str()} | {"text": str(), "finish_reason": str()}:
            return True
    return False


def _with_system(prompt: Prompt, system: str | None) -> tuple[Message, ...]:
    if system is None or prompt.messages[0].role == "system":
        return prompt.messages
    return (Message("system", system), *prompt.messages)


def _seed(seed: int, id: str) -> int:
    """Of one item: 31 bits, which every endpoint that takes a seed can hold."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{id}".encode()).digest()[:4], "big") >> 1
