"""What is known of one account: counts, its newest requests, running scores. About two kilobytes, however much it asks.

The sample is its *newest* evidence requests. People come in sittings, and what marks them is clearest within one; a
queue of work looks the same over any span. It forgets by itself, so an account that changes hands is seen as it is
now. A second sample has the newest of those that show wording which many accounts share, since whoever mixes a
queue with bought requests of people shows the queue in few of the newest.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence.horizons import band_of
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.features.content import Content
from stillhouse.guard.features.cues import CUES

__all__ = ["SAMPLED", "TOKENS_KEPT", "Account", "Sampled", "in_order"]

SAMPLED = 6
TOKENS_KEPT = 24
_LEAST_CONTENT = 6 * 4
_NOTHING_SHOWN = (0,) * len(CUES)


class Sampled(NamedTuple):
    """One evidence request: when, what about, and its wording's tokens."""

    at: int
    content: Content
    wording: tuple[int, ...]


@dataclass(slots=True)
class Account:
    """`index` counts accounts in the order of their first exchange, which was at `since`."""

    index: int
    name: str
    place: int
    """A keyed hash of the name: an order that says nothing about accounts, and in which nobody can choose his place."""
    customer: tuple[int, ...]
    """Tokens that openly say whose account it is: organisation and means of payment."""
    since: int
    client: int
    """Token of the client program that it used last."""
    exchanges: int = 0
    evidence: int = 0
    shown: Sequence[int] = _NOTHING_SHOWN
    """Evidence requests that show each cue."""
    sample: list[Sampled] = field(default_factory=list)
    alike: list[Sampled] = field(default_factory=list)
    """Evidence requests with wording that many accounts share."""
    linked: list[int] = field(default_factory=list)
    """Shared tokens, those of wording from the linking half only; at most TOKENS_KEPT."""
    running: list[float] = field(default_factory=Purpose.start)
    best: list[float] = field(default_factory=Purpose.start)
    """The largest value of each running score so far."""
    closed: list[tuple[float, ...]] = field(default_factory=list)
    """`best` at the end of each band of volume that is over."""
    span: int = 0
    """Which span of the reference's length is running; the scores are of this one."""
    before: int = 0
    """Exchanges before this span."""

    def add(self, row: Row, purpose: Purpose, span_length: int, alike: bool) -> None:
        """Count a row that comes after all earlier ones; `alike` says whether many accounts share its wording."""
        span = (row.at - self.since) // span_length
        if span != self.span:
            self.span, self.before = span, self.exchanges
            self.running, self.best, self.closed = Purpose.start(), Purpose.start(), []
        self.exchanges += 1
        self.client = row.client
        if band_of(self.exchanges - self.before) > len(self.closed):
            self.closed.append(tuple(self.best))
        purpose.update(self.running, self.best, row.cues)
        if row.evidence:
            self.evidence += 1
            if row.cues:
                self.shown = tuple(count + bool(row.cues & cue) for count, cue in zip(self.shown, CUES, strict=True))
            if len(row.content) >= _LEAST_CONTENT:
                one = Sampled(row.at, row.content, row.wording)
                _keep(self.sample, one)
                if alike:
                    _keep(self.alike, one)

    def newest(self, tokens: Container[int]) -> list[Sampled]:
        """The newest requests that show one of `tokens`; of fewer than two such, the newest of all."""
        showing = [one for one in self.alike if any(token in tokens for token in one.wording)]
        return showing if len(showing) > 1 else self.sample


def _keep(sample: list[Sampled], one: Sampled) -> None:
    sample.append(one)
    if len(sample) > SAMPLED:
        del sample[0]


def in_order(accounts: Iterable[Account]) -> list[Account]:
    """By their places."""
    return sorted(accounts, key=lambda account: account.place)
