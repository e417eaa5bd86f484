"""What is kept of one exchange for detection: numbers, hashes and a few words' weights, some hundred bytes.

Making rows is the bulk of the work and needs one exchange at a time, so any number of workers may do it. All that
depends on order happens afterwards, on rows that were sorted by time and id; so one process, a live gateway and a
cluster come to the same bytes.
"""

from typing import NamedTuple

from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.features.content import Content

__all__ = ["Row"]


class Row(NamedTuple):
    """`at` is microseconds since 1970, not before the latest of its file less the lateness that is allowed.

    `evidence` is the half that the keyed hash of the id put it in. `origin` and `wording` are link tokens, `client` the
    harness's; `content` is empty in the linking half; `says` is whether there was any text. A client decides what its
    request says, not how large its row is: at most 8 tokens of origin, `template.MOST_TOKENS` of wording and
    `content.WORDS_KEPT` words.
    """

    at: int
    id: str
    account: str
    evidence: bool
    origin: tuple[int, ...]
    client: int
    wording: tuple[int, ...]
    content: Content
    cues: int
    manner: Manner = Manner()
    says: bool = True
