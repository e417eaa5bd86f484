"""Prompts with instructions that can be checked: our own, or a file of IFEval's format."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from stillhouse.distill.following.checks import INSTRUCTIONS, followed
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.tables import read_rows
from stillhouse.errors import RecordError
from stillhouse.types import Message

__all__ = ["FollowingPrompt", "following_prompts", "read_following"]

_NUMBERS = {
    "capital_frequency",
    "frequency",
    "let_frequency",
    "nth_paragraph",
    "num_bullets",
    "num_highlights",
    "num_paragraphs",
    "num_placeholders",
    "num_sections",
    "num_sentences",
    "num_words",
}
_LISTS = {"forbidden_words", "keywords"}


@dataclass(frozen=True, slots=True)
class FollowingPrompt:
    """A prompt and its instructions: pairs of a name of INSTRUCTIONS and its arguments."""

    prompt: Prompt
    instructions: tuple[tuple[str, Mapping[str, Any]], ...]

    @property
    def checkable(self) -> bool:
        """Whether any of the instructions can be checked."""
        return any(followed(name, arguments, "a") is not None for name, arguments in self.instructions)


def following_prompts() -> list[FollowingPrompt]:
    """Our own set (Apache-2.0): at least 60 prompts whose answers are short."""
    text = resources.files("stillhouse.distill").joinpath("data/following.jsonl").read_text(encoding="utf-8")
    return [_parsed(json.loads(line), "following.jsonl") for line in text.splitlines()]


def read_following(path: Path) -> list[FollowingPrompt]:
    """A JSONL file, also `.zst`, with `prompt`, `instruction_id_list` and `kwargs` (IFEval's `input_data.jsonl`).

    Raises RecordError (`file:line`) for a row that lacks one of them, an unknown instruction, wrong arguments.
    """
    found = [_parsed(row, place) for place, row in read_rows(path)]
    if not found:
        raise RecordError(f"{path}: holds no prompt; add rows with `prompt`, `instruction_id_list` and `kwargs`")
    return found


def _parsed(row: Mapping[str, Any], place: str) -> FollowingPrompt:
    match row:
        case {"prompt": str(text), "instruction_id_list": [_, *_] as names, "kwargs": list(arguments)} if (
            text.strip() and len(names) == len(arguments) and all(isinstance(a, dict) for a in arguments)
        ):
            # Some copies of the file fill every argument that an instruction does not have with null.
            given = [{key: value for key, value in one.items() if value is not None} for one in arguments]
        case _:
            raise RecordError(f"{place}: needs `prompt`, `instruction_id_list` and as many `kwargs`; mend the row")
    for name, one in zip(names, given, strict=True):
        if name not in INSTRUCTIONS:
            raise RecordError(f"{place}: instruction '{name}' is unknown; known: {', '.join(INSTRUCTIONS)}")
        try:
            _check_types(one)
            followed(name, one, "a")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"{place}: wrong arguments of '{name}' ({error}); mend `kwargs`") from None
    prompt = replace(Prompt.of([Message("user", text)]), place=place)
    return FollowingPrompt(prompt, tuple(zip(names, given, strict=True)))


def _check_types(arguments: Mapping[str, Any]) -> None:
    """TypeError for an argument that Python would compare with an answer's count, or look for in it, to no avail."""
    for key, value in arguments.items():
        if key in _NUMBERS:
            wanted, good = "a whole number", isinstance(value, int) and not isinstance(value, bool)
        elif key in _LISTS:
            wanted, good = "a list of texts", isinstance(value, list) and all(isinstance(v, str) for v in value)
        else:
            wanted, good = "a text", isinstance(value, str)
        if not good:
            raise TypeError(f"{key} is {value!r}, not {wanted}")
