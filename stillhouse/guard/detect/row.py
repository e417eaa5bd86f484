"""What is kept of one exchange for detection: numbers, hashes and a few words' weights, some hundred bytes.

Making rows is the bulk of the work and needs one exchange at a time, so any number of workers may do it. All that
depends on order happens afterwards, on rows that were sorted by time and id; so one process, a live gateway and a
cluster come to the same bytes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stillhouse.guard.features.content import Content

__all__ = ["Row", "merged"]


class Row(NamedTuple):
    """`at` is microseconds since 1970, not before the latest of its file less the lateness that is allowed.

    `evidence` is the half that the keyed hash of the id put it in. `origin` and `wording` are link tokens, `client` the
    harness's; `content` is empty in the linking half. `payload` is a hash of the newest turn's words, 0 where there is
    nothing to hash. Tokens of usage are -1 where the log has none.
    """

    at: int
    id: str
    account: str
    evidence: bool
    origin: tuple[int, ...]
    client: int
    wording: tuple[int, ...]
    content: Content
    payload: int
    cues: int
    answered: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def merged(*parts: Iterable[Row]) -> list[Row]:
    """All rows of all parts in the order of time and id, each id once: associative and commutative.

    Of two rows with one id the earlier stays, and of two at one time the one whose fields sort first, so the result
    does not depend on the order of the parts.
    """
    kept: dict[str, Row] = {}
    for part in parts:
        for row in part:
            other = kept.get(row.id)
            if other is None or _key(row) < _key(other):
                kept[row.id] = row
    return sorted(kept.values(), key=lambda row: (row.at, row.id))


def _key(row: Row) -> tuple[int, str, str]:
    return row.at, row.account, repr(row)
