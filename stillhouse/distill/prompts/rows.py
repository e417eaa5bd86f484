"""One row of a file -> one prompt.

The format is told by the keys that a row has, because that is how the field's files differ; columns
beside those keys (ids, sources, ratings) are common in public files and are left alone.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from stillhouse.distill.prompts.prompt import Prompt
from stillhouse.errors import RecordError
from stillhouse.types import Message

__all__ = ["FORMATS", "parse_row"]

FORMATS = (
    "`messages`; `prompt` (with `completion` or `answer`); `question` and `answer` (GSM8K); "
    "`instruction`, `input` and `output` (Alpaca)"
)
ROLES = ("system", "user", "assistant", "tool")
# GSM8K marks what its calculator worked out, as in 3+4=<<3+4=7>>7 (Cobbe et al. 2021, arXiv 2110.14168).
_CALCULATOR = re.compile(r"<<[^<>]*>>")


def parse_row(row: object, place: str) -> Prompt:
    """Turn one decoded row into a prompt; `place` (`file:line`) opens the message of a RecordError."""
    if not isinstance(row, Mapping):
        raise RecordError(f"{place}: holds a {type(row).__name__}; a row is a JSON object with {FORMATS}")
    if "messages" in row:
        return _from_messages(row, place)
    if "prompt" in row:
        return _from_prompt(row, place)
    if "instruction" in row and "output" in row:
        return _from_alpaca(row, place)
    if "question" in row and "answer" in row:
        return _from_gsm8k(row, place)
    keys = ", ".join(repr(str(key)) for key in row) or "none"
    raise RecordError(f"{place}: the keys ({keys}) are of no known format; known: {FORMATS}")


def _from_messages(row: Mapping[str, object], place: str) -> Prompt:
    messages, reference = _conversation(row["messages"], "messages", place)
    return Prompt.of(messages, reference=reference)


def _from_prompt(row: Mapping[str, object], place: str) -> Prompt:
    given = row["prompt"]
    if isinstance(given, str):
        given = [{"role": "user", "content": _text(given, "prompt", place)}]
    messages, reference = _conversation(given, "prompt", place)
    completion = row.get("completion")
    if completion is not None:
        if reference is not None:
            raise RecordError(f"{place}: `prompt` ends with an assistant turn and `completion` is given; keep one")
        reference = _completion(completion, place)
    answer = row.get("answer")
    if answer is None:
        return Prompt.of(messages, reference=reference)
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise RecordError(f"{place}: `answer` is a {type(answer).__name__}; give a string or a number")
    return Prompt.of(messages, reference=reference, answer=_text(str(answer), "answer", place).strip(), task="exact")


def _from_alpaca(row: Mapping[str, object], place: str) -> Prompt:
    instruction = _text(row["instruction"], "instruction", place)
    given, output = row.get("input") or "", row["output"] or ""
    if not isinstance(given, str) or not isinstance(output, str):
        raise RecordError(f"{place}: `input` and `output` must be strings")
    turn = f"{instruction}\n\n{given}" if given.strip() else instruction
    # Alpaca's own file has 28 rows without an output: still prompts, with nothing to imitate.
    return Prompt.of([Message("user", turn)], reference=output if output.strip() else None)


def _from_gsm8k(row: Mapping[str, object], place: str) -> Prompt:
    question = _text(row["question"], "question", place)
    solution = _text(row["answer"], "answer", place)
    _, marker, final = solution.rpartition("####")
    final = final.strip().replace(",", "")
    try:
        finite = bool(marker) and Decimal(final).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise RecordError(
            f"{place}: `answer` does not end in '#### N' with a number N, as GSM8K's do; "
            "call the columns `prompt` and `answer` for other answers"
        )
    return Prompt.of([Message("user", question)], reference=_CALCULATOR.sub("", solution), answer=final, task="gsm8k")


def _conversation(value: object, key: str, place: str) -> tuple[tuple[Message, ...], str | None]:
    """The turns up to the last answer, and that answer where the row ends with one."""
    if not isinstance(value, list) or not value:
        raise RecordError(f"{place}: `{key}` must be a list of turns with `role` and `content`, and is {_short(value)}")
    turns = [_message(item, f"{key}[{index}]", place) for index, item in enumerate(value)]
    reference = turns.pop().content if turns[-1].role == "assistant" else None
    if not any(turn.role == "user" for turn in turns):
        raise RecordError(f"{place}: `{key}` has no user turn before the answer; add one")
    if turns[-1].role not in ("user", "tool"):
        raise RecordError(
            f"{place}: the turn to be answered in `{key}` is the {turns[-1].role}'s; end with a user turn"
        )
    return tuple(turns), reference


def _completion(value: object, place: str) -> str:
    if isinstance(value, list) and len(value) == 1:
        message = _message(value[0], "completion[0]", place)
        if message.role == "assistant":
            return message.content
    if isinstance(value, str):
        return _text(value, "completion", place)
    raise RecordError(f"{place}: `completion` must be a string or one assistant turn, and is {_short(value)}")


def _message(item: object, key: str, place: str) -> Message:
    if not isinstance(item, Mapping) or "role" not in item or "content" not in item:
        raise RecordError(f"{place}: `{key}` must have `role` and `content`, and is {_short(item)}")
    role = item["role"]
    if role not in ROLES:
        raise RecordError(f"{place}: `{key}` has role {_short(role)}; use one of {', '.join(ROLES)}")
    return Message(role, _text(item["content"], f"{key}.content", place))


def _text(value: object, key: str, place: str) -> str:
    if not isinstance(value, str):
        raise RecordError(f"{place}: `{key}` is a {type(value).__name__}; give a string")
    if not value.strip():
        raise RecordError(f"{place}: `{key}` is empty; fill it in or remove the row")
    return value


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
