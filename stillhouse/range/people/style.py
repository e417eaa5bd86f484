"""How one person writes. Habits are small and lasting: they are what is left of a person when the subject changes."""

import re
from random import Random
from typing import NamedTuple

__all__ = ["Style", "draw_style", "written"]

_GREETINGS = ("hi", "hello", "hey", "good morning", "hey there", "hi again", "ok so")
_THANKS = ("thanks", "thank you", "thx", "thanks in advance", "cheers", "please and thank you")
_WISHES = (
    "Keep it short.",
    "Explain it step by step so that I can follow.",
    "Please answer in bullet points.",
    "No code, just words.",
    "Give me the code only.",
    "Answer as if I were a beginner.",
    "Use British spelling.",
    "Bitte auf Deutsch antworten.",
    "Responde en español.",
    "Réponds en français.",
    "Add sources where you can.",
    "Plain text, no markdown.",
)
_SHORT = {"you": "u", "your": "ur", "please": "pls", "because": "bc", "with": "w/", "people": "ppl", "are": "r"}
_SENTENCES = re.compile(r"(?s)^([^.?!]{25,}[.?!][^.?!]{0,160}[.?!]).*")
_WORD = re.compile(r"\b(you|your|please|because|with|people|are)\b")


class Style(NamedTuple):
    """Habits, each with how often it shows."""

    terse: bool
    lower: bool
    bare_end: bool
    short_words: bool
    greeting: str
    greets: float
    thanks: str
    thanking: float
    wish: str
    wishes: float
    project: str
    names_project: float


def draw_style(rng: Random, project: str) -> Style:
    """The habits of one person; `project` is what he is at work on, in his own words."""
    return Style(
        terse=rng.random() < 0.2,
        lower=rng.random() < 0.3,
        bare_end=rng.random() < 0.35,
        short_words=rng.random() < 0.1,
        greeting=rng.choice(_GREETINGS),
        greets=rng.betavariate(0.4, 2.5),
        thanks=rng.choice(_THANKS),
        thanking=rng.betavariate(0.4, 3),
        wish=rng.choice(_WISHES),
        wishes=rng.betavariate(0.35, 1.6),
        project=project,
        names_project=rng.betavariate(0.4, 1.6),
    )


def written(style: Style, text: str, rng: Random, opening: bool) -> str:
    """`text` as this person types it; greetings, projects and wishes only open a conversation."""
    pasted = "\n\n" in text or "```" in text
    if style.terse and not pasted:
        text = _SENTENCES.sub(r"\1", text)
    if opening:
        if rng.random() < style.names_project:
            text = f"{style.project} {text}"
        if rng.random() < style.greets:
            text = f"{style.greeting}, {text}"
        if rng.random() < style.wishes:
            text = f"{text}\n{style.wish}"
    if rng.random() < style.thanking:
        text = f"{text} {style.thanks}"
    if pasted:
        return text
    if style.lower:
        text = text.lower()
    if style.short_words:
        text = _WORD.sub(lambda found: _SHORT[found[0]], text)
    if style.bare_end:
        text = text.rstrip(".?! ") or text
    return text
