"""What is known of one account: counts, its newest requests, running scores. In detection its size is bounded.

As bytes at most eight kilobytes, in memory at most twelve, whatever it asks. Names and plans come on top of that: the
service gives them, not who asks. So do closings of days that nobody has judged yet: in detection those of one tick, and
while a reference is learnt all of them, several a day for as long as its log goes.

The sample is its *newest* evidence requests. People come in sittings, and what marks them is clearest within one; a
queue of work looks the same over any span. It forgets by itself, so an account that changes hands is seen as it is
now. A second sample has the newest of those that show wording which many accounts share, since whoever mixes a
queue with bought requests of people shows the queue in few of the newest.
"""

from array import array
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from stillhouse.guard.detect.habits import Facts, Habits
from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence import purpose
from stillhouse.guard.evidence.horizons import band_of
from stillhouse.guard.evidence.standing import Maxima
from stillhouse.guard.features.cadence import Cadence, Closing
from stillhouse.guard.features.content import Content
from stillhouse.guard.features.coverage import coverage
from stillhouse.guard.features.cues import CUES

__all__ = ["SAMPLED", "TOKENS_KEPT", "Account", "Sampled", "in_order"]

SAMPLED = 6
TOKENS_KEPT = 24
_LEAST_CONTENT = 6 * 4
_NOTHING_SHOWN = (0,) * len(CUES)
_SETTLED = 16


class Sampled(NamedTuple):
    """One evidence request: when, what about, and its wording's tokens."""

    at: int
    content: Content
    wording: Sequence[int]


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
    linked: "array[int]" = field(default_factory=lambda: array("Q"))
    """Shared tokens, those of wording from the linking half only; at most TOKENS_KEPT."""
    running: "array[float]" = field(default_factory=purpose.begun)
    best: "array[float]" = field(default_factory=purpose.begun)
    """The largest value of each running score so far."""
    closed: "array[float]" = field(default_factory=lambda: array("d"))
    """`best` at the end of each band of volume that is over, one after the other."""
    span: int = 0
    """Which span of the reference's length is running, counted from 1970; the scores are of this one."""
    before: int = 0
    """Exchanges before this span."""
    number: int = 0
    """Of this span, among all spans of all accounts in the order in which they began."""
    plan: str = ""
    closings: list[Closing] = field(default_factory=list)
    """Closings of days of its own within this span, until they are judged."""
    cadence: Cadence = field(init=False)
    habits: Habits | None = None
    """From its `_SETTLED`-th exchange on: most accounts never come so far."""

    def __post_init__(self) -> None:
        self.cadence = Cadence(self.since)

    def add(self, row: Row, span_length: int, alike: bool = False) -> bool:
        """Count a row that comes after all earlier ones; `alike` says whether many accounts share its wording.

        Whether a span begins with it that is not the first.
        """
        span = row.at // span_length
        begins = span != self.span
        if begins:
            self.span, self.before = span, self.exchanges
            self.running, self.best, self.closed = purpose.begun(), purpose.begun(), array("d")
            self.closings.clear()
            self.cadence.begin_days(row.at)
        self.exchanges += 1
        self.client = row.client
        self.plan = row.manner.plan
        closing = self.cadence.add(row.at)
        if closing is not None:
            self.closings.append(closing)
        if self.habits is not None:
            self.habits.add(row)
        elif self.exchanges >= _SETTLED:
            self.habits = Habits()
        if band_of(self.exchanges - self.before) * len(CUES) > len(self.closed):
            self.closed.extend(self.best)
        purpose.update(self.running, self.best, row.cues)
        if row.evidence:
            self.evidence += 1
            if row.cues:
                self.shown = tuple(count + bool(row.cues & cue) for count, cue in zip(self.shown, CUES, strict=True))
            if len(row.content) >= _LEAST_CONTENT:
                one = Sampled(row.at, row.content, array("Q", row.wording))
                _keep(self.sample, one)
                if alike:
                    _keep(self.alike, one)
        return begins

    def newest(self, tokens: Set[int]) -> list[Sampled]:
        """The newest requests that show one of `tokens`; of fewer than two such, the newest of all."""
        showing = [one for one in self.alike if not tokens.isdisjoint(one.wording)]
        return showing if len(showing) > 1 else self.sample

    def maxima(self) -> Maxima:
        """Of each band of volume that it has reached within this span, the maximum of each cue's score so far."""
        bands = range(0, len(self.closed), len(CUES))
        return [*(self.closed[at : at + len(CUES)] for at in bands), self.best]

    def facts(self) -> Facts:
        """What it does beside what is weighed; what its newest requests are about is from the evidence half."""
        if self.habits is None:
            return {}
        subjects = coverage([one.content for one in self.sample])
        return self.habits.facts() | ({} if subjects is None else {"subjects": subjects, "of_newest": len(self.sample)})


def _keep(sample: list[Sampled], one: Sampled) -> None:
    sample.append(one)
    if len(sample) > SAMPLED:
        del sample[0]


def in_order(accounts: Iterable[Account]) -> list[Account]:
    """By their places."""
    return sorted(accounts, key=lambda account: account.place)
