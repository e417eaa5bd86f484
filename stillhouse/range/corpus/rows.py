"""One row of somebody's file -> what it is good for, told by its keys.

Public files name the same thing in a dozen ways, and a user's own folder follows none of them by the letter; so a row
is taken by its shape, and a row of no known shape is counted and left alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import sub
from typing import Any

from stillhouse.range.corpus.clip import ANSWER, DOCUMENT, PROMPT, clip
from stillhouse.range.corpus.corpus import Conversation, Item, Task

__all__ = ["SHAPES", "Gathered", "passages", "suite_name"]

SHAPES = (
    "`messages`, `conversations`, `turns`, `instruction`, `question`, `input` with `target`, `act`, `prompt`, `text`"
)
_TURNS = 12  # turns of one conversation
_PAUSE = 300.0  # seconds after which an agent's next call belongs to another session
_PERSON = ("human", "user")  # compared with whatever a row holds: a list there has no hash
_USER_KEYS = ("user", "user_id")
_ARENA = "arena_user_"  # who judged in Chatbot Arena is who asked


class Gathered:
    """What the files gave so far. `files` says for each kind which files it came from."""

    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.instructions: list[Task] = []
        self.benchmarks: dict[str, list[Item]] = defaultdict(list)
        self.documents: list[str] = []
        self.code_tasks: list[str] = []
        self.roles: list[str] = []
        self.gaps: dict[str, list[float]] = {}
        self.files: dict[str, dict[str, None]] = defaultdict(dict)
        self.unknown = 0
        self._parts: dict[str, list[tuple[str, str]]] = {}
        self._calls: dict[str, list[float]] = defaultdict(list)

    def take(self, row: object, file: str, place: str) -> None:
        """Put one decoded row where it belongs; `place` becomes the id of a conversation that has none."""
        kind = self._taken(row, file, place) if isinstance(row, Mapping) else None
        if kind is None:
            self.unknown += 1
        else:
            self.files[kind][file] = None

    def finish(self) -> None:
        """Conversations that the source had cut into parts (`id_0`, `id_1`, ...) are whole now, and gaps have mean one.

        Of several that nobody in particular began in the same words, the first one stays.
        """
        whole = [Conversation(name, tuple(turns[:_TURNS])) for name, turns in self._parts.items() if turns]
        self._parts.clear()
        seen: set[str] = set()
        kept = []
        for talk in self.conversations + whole:
            opening = talk.turns[0][0]
            if talk.user is not None or opening not in seen:
                kept.append(talk)
            seen.add(opening)
        self.conversations = kept
        gaps = [gap for times in self._calls.values() for gap in map(sub, times[1:], times) if 0 < gap < _PAUSE]
        self._calls.clear()
        if gaps:
            self.gaps["agent"] = [gap * len(gaps) / sum(gaps) for gap in gaps]

    def _taken(self, row: Mapping[str, Any], file: str, place: str) -> str | None:
        if isinstance(row.get("conversations"), list):
            turns = paired(
                (turn.get("from"), turn.get("value")) for turn in row["conversations"] if isinstance(turn, Mapping)
            )
            self._parts.setdefault(str(row.get("id", place)).partition("_")[0], []).extend(turns)
            return "conversations"
        for key in ("messages", "prompt"):
            if isinstance(row.get(key), list):
                return self._talk(
                    row,
                    place,
                    paired((turn.get("role"), turn.get("content")) for turn in row[key] if isinstance(turn, Mapping)),
                )
        if isinstance(row.get("turns"), list):
            said = [clip(text, PROMPT) for text in row["turns"] if isinstance(text, str) and text.strip()]
            return self._talk(row, place, [(text, "") for text in said])
        if "ttft_ms" in row and text_of(row, "timestamp"):
            return self._call(row, file)
        if text_of(row, "instruction"):
            return self._task(row)
        if text_of(row, "act") and text_of(row, "prompt"):
            self.roles.append(clip(row["prompt"], PROMPT))
            return "roles"
        return self._item(row, file) or self._plain(row, place)

    def _talk(self, row: Mapping[str, Any], place: str, turns: list[tuple[str, str]]) -> str | None:
        if not turns:
            return None
        user = next((str(row[key]) for key in _USER_KEYS if row.get(key) not in (None, "")), None)
        if user is None and str(row.get("judge", "")).startswith(_ARENA):
            user = row["judge"]
        name = str(row.get("question_id") or row.get("conversation_id") or row.get("id") or place)
        self.conversations.append(Conversation(name, tuple(turns[:_TURNS]), user))
        return "conversations"

    def _task(self, row: Mapping[str, Any]) -> str:
        several = row.get("instances")
        first = several[0] if isinstance(several, list) and several and isinstance(several[0], Mapping) else row
        given, output = text_of(first, "input"), text_of(first, "output")
        self.instructions.append(Task(clip(row["instruction"], PROMPT), clip(given, PROMPT), clip(output, ANSWER)))
        return "instructions"

    def _call(self, row: Mapping[str, Any], file: str) -> str | None:
        """A recorded request of a coding agent: when it came counts, its text has been taken out."""
        try:
            time = datetime.fromisoformat(row["timestamp"]).timestamp()
        except (ValueError, OverflowError):  # year 1 in a zone ahead of UTC is before all that can be told
            return None
        self._calls[str(row.get("file", file))].append(time)
        return "gaps"

    def _item(self, row: Mapping[str, Any], file: str) -> str | None:
        question = text_of(row, "question") or (text_of(row, "input") if "target" in row else "")
        if not question and "instruction_id_list" in row:
            question = text_of(row, "prompt")
        if not question:
            return None
        answer = row.get("answer", row.get("target", row.get("label", "")))
        self.benchmarks[suite_name(file)].append(
            Item(clip(question, PROMPT), clip(answer, ANSWER) if isinstance(answer, str) else "")
        )
        return "benchmarks"

    def _plain(self, row: Mapping[str, Any], place: str) -> str | None:
        if text_of(row, "prompt"):
            answer = text_of(row, "completion") or text_of(row, "response") or text_of(row, "answer")
            return self._talk(row, place, [(clip(row["prompt"], PROMPT), clip(answer, ANSWER))])
        text = text_of(row, "text") or text_of(row, "passage") or text_of(row, "document")
        if not text:
            return None
        self.documents += passages(text)
        return "documents"


def passages(text: str) -> list[str]:
    """Pieces of a long text: whole paragraphs where they are short enough, none of under 80 characters."""
    found, piece = [], ""
    for paragraph in text.split("\n\n"):
        if piece and len(piece) + len(paragraph) > DOCUMENT:
            found.append(piece)
            piece = ""
        piece = f"{piece}\n\n{paragraph}" if piece else paragraph
    return [clip(part, DOCUMENT) for part in [*found, piece] if len(part.strip()) >= 80]


def paired(turns: Iterable[tuple[object, object]]) -> list[tuple[str, str]]:
    """(what the person said, what was answered) from alternating turns, from the first question on."""
    found: list[tuple[str, str]] = []
    for who, text in turns:
        if not isinstance(text, str) or not text.strip() or who == "system":
            continue
        if who in _PERSON:
            found.append((clip(text, PROMPT), ""))
        elif found and not found[-1][1]:
            found[-1] = (found[-1][0], clip(text, ANSWER))
    return found


def suite_name(file: str) -> str:
    """`gsm8k_test.jsonl.zst` is `gsm8k`; training parts keep their word, since nobody is measured on them."""
    stem = file.rpartition("/")[2].partition(".")[0]
    lead = stem.partition("_")[0]
    return f"{lead}_train" if "train" in stem.split("_") else lead


def text_of(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) and value.strip() else ""
