"""Fresh wordings when a topic has gone round: no two people say the same thing in the same words.

A corpus of a few thousand conversations is smaller than a population. Handing the same text to many accounts would
plant links between innocents that real traffic does not have. So from its second round on, a conversation's opening
takes a sentence from another one of the same topic, and its numbers change.
"""

import re
from functools import lru_cache
from random import Random

__all__ = ["spliced"]

_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")
_NUMBER = re.compile(r"(?<![\w.])[1-9]\d{0,3}(?!\w|\.\d)")
_MOST = 12  # sentences of one text


def spliced(text: str, other: str, rng: Random) -> str:
    """About two thirds of the sentences of `text` with one of `other` among them, and other numbers."""
    own, foreign = _sentences(text), _sentences(other)
    dropped = rng.randrange(len(own)) if len(own) > 2 else -1
    kept = [part for place, part in enumerate(own) if place != dropped and (place == 0 or rng.random() < 0.75)]
    kept.insert(rng.randint(0, len(kept)), foreign[rng.randrange(len(foreign))])
    shift = rng.randint(1, 7)
    return _NUMBER.sub(lambda found: str(int(found[0]) + shift), " ".join(kept))


@lru_cache(maxsize=1 << 14)
def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE.split(text) if part.strip()][:_MOST] or [text]
