"""How a request was made, beside what it says: the part of a row that describes an account to its readers."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.concentration import task
from stillhouse.guard.features.continuity import carried, given
from stillhouse.guard.features.sampling import oddities
from stillhouse.types import Exchange

__all__ = ["Manner", "manner"]


class Manner(NamedTuple):
    """`plan` and `given` are told of every request, the rest of the evidence half: a half is enough to describe.

    `given` and `carried` are checksums of the answer and of the last answer that came with the request, 0 for none.
    `task` is a `features.concentration.Task`, `oddities` are bits of `features.sampling.Oddity`.
    """

    plan: str = ""
    given: int = 0
    carried: int = 0
    is_cached: bool = False
    task: int = 0
    oddities: int = 0


def manner(exchange: Exchange, said: Asked, newest_words: Sequence[str], evidence: bool, seed: int) -> Manner:
    """`newest_words` are those of the newest turn. Checksums begin with `seed`: they are compared and nothing else, and
    who could aim at one has the answer that it stands for."""
    plan, after = exchange.registration.get("plan"), given(exchange)
    name = plan if isinstance(plan, str) else ""
    told = _checksum(after, seed) if after else 0
    if not evidence:
        return Manner(name, told)
    before = carried(exchange)
    return Manner(
        name,
        told,
        _checksum(before, seed) if before else 0,
        bool(exchange.usage.get("cached_input_tokens")),
        task(newest_words, bool(said.tools)),
        oddities(exchange.request),
    )


def _checksum(text: str, seed: int) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"), seed)
