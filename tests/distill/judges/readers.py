"""Models for judges to ask, small enough to know what they must say: they read what they are shown and decide by it.

A `Reader` finds question and answers between the tags of the text, gives each answer a worth by a rule of the test's
choosing, and replies in the form that the schema asks for. Rules see text, position and a random number of the seed,
so a preference of known size can be planted.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from stillhouse.distill.judges.chance import number
from stillhouse.distill.prompts import Prompt
from stillhouse.types import Completion, Message, Sampling

ANSWER = re.compile(r"<answer(?:_[A-Z])?((?:-[0-9a-f]{6})?)>\n(.*?)\n</answer(?:_[A-Z])?\1>", re.DOTALL)
Worth = Callable[[str, int, float], float]


def prompt(words: str = "What is 2 + 2?", **known: Any) -> Prompt:
    return Prompt.of([Message("user", words)], **known)


def longest(text: str, position: int, chance: float) -> float:
    return len(text)


def first(text: str, position: int, chance: float) -> float:
    return -position


def says_right(text: str, position: int, chance: float) -> float:
    return float("right" in text)


def at_random(text: str, position: int, chance: float) -> float:
    return chance if position == 0 else 0.5


def first_mostly(share: float) -> Worth:
    """Of a pair, the first with this probability, whatever the texts."""
    return lambda text, position, chance: float(chance < share) if position == 0 else 0.5


class Reader:
    """Decides by `worth`; scores are `worth` of the single answer, taken as a share of the scale."""

    name = "reader"

    def __init__(self, worth: Worth) -> None:
        self.worth = worth
        self.asked: list[tuple[str, Sampling]] = []

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        self.asked.append((messages[-1].content, sampling))
        return [Completion(text=self.reply(messages, sampling))] * n

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> str:
        texts = [found.group(2) for found in ANSWER.finditer(messages[0].content)]
        chance = number(sampling.seed, "chance") / 2**31
        worths = [self.worth(text, position, chance) for position, text in enumerate(texts)]
        if sampling.schema is None:
            return f"The answer says {texts[0]!r}."
        said: dict[str, Any] = {}
        for key, form in sampling.schema["properties"].items():
            if key == "reason":
                said[key] = "by my rule"
            elif key == "better":
                said[key] = "tie" if worths[0] == worths[1] and "tie" in form["enum"] else "AB"[worths[1] > worths[0]]
            elif key == "ranking":
                order = sorted(range(len(texts)), key=lambda i: -worths[i])
                said[key] = " > ".join("ABCDEFGHIJ"[i] for i in order)
            else:
                said[key] = form["enum"][round(worths[0] * (len(form["enum"]) - 1))]
        return json.dumps(said)


class Scripted:
    """Says the given texts one after the other, then the last of them for ever."""

    name = "scripted"

    def __init__(self, *texts: str, finish_reason: str = "stop") -> None:
        self.texts, self.finish_reason = texts, finish_reason
        self.asked: list[tuple[list[Message], Sampling]] = []

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        text = self.texts[min(len(self.asked), len(self.texts) - 1)]
        self.asked.append((list(messages), sampling))
        return [Completion(text=text, finish_reason=self.finish_reason)] * n
