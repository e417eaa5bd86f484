"""What is known of one group: every look at it, what they say together, and whether it may be acted on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from stillhouse.guard.evidence.group import Look
from stillhouse.guard.evidence.line import Line
from stillhouse.guard.evidence.queue import may_be_queue
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.campaign import Campaign
from stillhouse.guard.link.group import Group
from stillhouse.stats.evalue import log_sum_e, log_weighted

__all__ = ["Case", "Judged"]

_TOLD = math.log(20)
_TOLD_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Judged:
    """One look at a group: `share` of the level is `log_share`; `log_e` has that in it."""

    at: int
    look: Look
    lines: tuple[Line, ...]
    log_share: float
    log_e: float


@dataclass(slots=True)
class Case:
    """One group, every look at it in the order of time, and the campaign that it was found to be of."""

    group: Group
    looks: list[Judged] = field(default_factory=list)
    doubling: int = -1
    """How often its accounts that can be compared had doubled when it was last looked at."""
    campaign: Campaign | None = None

    @property
    def log_e(self) -> float:
        """ln of the sum over looks."""
        return log_sum_e(one.log_e for one in self.looks)

    def strongest(self) -> Judged:
        return max(self.looks, key=lambda one: one.log_e)

    def deciding(self) -> tuple[str, Look | None]:
        """The view that tells most, in the look that tells most, and the newest look in which it tells anything: the
        evidence was true when it was found, and who has joined since is judged by how the group is now.
        """
        lines = self.strongest().lines
        if not lines:
            return "either", None
        name = max(lines, key=lambda line: log_weighted(line.log_e, line.weight)).name
        return name, next(one.look for one in reversed(self.looks) if one.look.counted(name) is not None)

    def is_queue(self) -> bool:
        """Whether as few stand out in that view, in its newest look, as would in a queue."""
        name, newest = self.deciding()
        counted = None if newest is None else newest.counted(name)
        return counted is not None and may_be_queue(counted)

    def told_by_two(self) -> bool:
        """Whether what and when, which share no feature, each tell by themselves in one look."""
        return any(
            sum(line.name in ("content", "times") and line.log_e >= _TOLD for line in one.lines) == 2
            for one in self.looks
        )

    def because(self, cue_rates: Sequence[float]) -> list[str]:
        """What a person reads first: who is alike in what, the lines in words, and what is asked for, which is not
        weighed; `cue_rates` are those of honest requests.
        """
        strongest = self.strongest()
        found = [
            f"{len(self.group.accounts)} accounts {_bound(self.group)}, "
            f"{strongest.look.covered:.0%} of their requests have wording in common"
        ]
        for line in strongest.lines:
            facts = line.facts
            found.append(
                f"{_VIEWS[line.name]}: {facts['persistent']} of {facts['parties']} parties are recognisable, "
                f"{facts['requests_each']} requests each (p = {_p(line)}, modelled)"
            )
        for cue, share, rate in zip(CUES, strongest.look.shown, cue_rates, strict=True):
            if share >= _TOLD_SHARE:
                found.append(
                    f"purpose, not weighed: {share:.0%} of their requests show the cue {str(cue.name).lower()}, "
                    f"{rate:.1%} of honest ones"
                )
        return found


_VIEWS = {"either": "by words or times", "content": "by words", "times": "by times"}


def _bound(group: Group) -> str:
    label = kind_of(group.leader).label
    if group.kind == "community":
        return f"are bound by {len(group.tokens):,} things that some or all of them share, most of all {label}"
    return f"share {label}"


def _p(line: Line) -> str:
    return f"{math.exp(line.log_p):.1e}"
