"""A short answer where the corpus has none: of the prompt's own words, and never quite the same.

A stock phrase would be the same on every account of a kind, and a detector that looked at answers would find the
phrase and not the kind.
"""

from collections.abc import Sequence
from random import Random

__all__ = ["answer_to"]

_OPENINGS = (
    "Here is how I see it.", "Good question.", "Sure.", "Yes, with one remark.", "In short:", "Let us look at it.",
    "It depends.", "Of course.", "First of all:", "Happy to help.", "There are two sides to this.", "",
)  # fmt: skip
_FRAMES = (
    "The point about {0} is how it hangs together with {1}.",
    "Start with {0}, and come to {1} only after that.",
    "I would look at {0} first, since {1} follows from it.",
    "What matters most here is {0}; {1} is a detail.",
    "For {0} there are several ways, and {1} decides between them.",
    "Without {0} you cannot say much about {1}.",
    "Take {0} as given and see what it means for {1}.",
    "Compared with {0}, {1} is the simpler part.",
    "Keep {0} and {1} apart.",
    "As to {0}: that is settled by {1}.",
    "Most people begin with {1} and forget {0}.",
    "Both {0} and {1} have to fit.",
)
_CLOSINGS = (
    "Tell me if you want more detail.", "Does that help?", "I can write it out if you like.",
    "That is all there is to it.", "Shall I go on?", "", "", "",
)  # fmt: skip
_LOOKED_AT = 600  # characters of the prompt


def answer_to(text: str, rng: Random) -> str:
    """One to four sentences about words of `text`."""
    words = [word.strip(".,;:?!\"'()") for word in text[-_LOOKED_AT:].split() if len(word) > 4] or ["this", "that"]
    middle = [
        _FRAMES[int(rng.random() * len(_FRAMES))].format(_any(words, rng), _any(words, rng))
        for _ in range(1 + int(rng.random() * 2.6))
    ]
    parts = [_any(_OPENINGS, rng), *middle, _any(_CLOSINGS, rng)]
    return " ".join(part for part in parts if part)


def _any(texts: Sequence[str], rng: Random) -> str:
    return texts[int(rng.random() * len(texts))]
