"""What an account does beside what is weighed: facts for whoever reads a decision, of fixed size.

None of it adds to the evidence. Measured on composed traffic, the share of requests in one wording, in one kind of work
or outside conversations did not tell campaigns' accounts from honest pipelines, and each more number made honest
accounts stand out by chance. But a reviewer asks at once, and one of them speaks for the account: requests that go on
with conversations begun elsewhere have people behind them.
"""

from array import array

from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.churn import Churn, distinct
from stillhouse.guard.features.concentration import TASKS, concentration
from stillhouse.guard.features.continuity import Continuity, elsewhere
from stillhouse.guard.features.rigidity import Rigidity, wording_of
from stillhouse.guard.features.sampling import ODDITIES

__all__ = ["Facts", "Habits"]

Facts = dict[str, float | int | str]


class Habits:
    """Counts of one account's evidence requests. What the log has nothing of is left out of `facts`."""

    __slots__ = ("_churn", "_oddities", "_rigidity", "_single", "_tasks", "continuity")

    def __init__(self) -> None:
        self.continuity = Continuity()
        self._churn = Churn()
        self._rigidity = Rigidity()
        self._tasks = array("I", bytes(4 * len(TASKS)))
        self._oddities = array("I", bytes(4 * len(ODDITIES)))
        self._single = 0

    def add(self, row: Row) -> None:
        manner = row.manner
        if row.evidence:
            self.continuity.look(manner.carried, manner.is_cached)
            self._single += not manner.carried
            self._tasks[manner.task] += 1
            self._rigidity.add(wording_of(row.wording))
            self._churn.add(row.origin, row.client)
            if manner.oddities:
                for at, oddity in enumerate(ODDITIES):
                    self._oddities[at] += bool(manner.oddities & oddity)
        self.continuity.note(manner.given)

    def facts(self) -> Facts:
        """Shares of requests, 0 to 1, and about how many distinct things."""
        n = self._rigidity.requests
        if not n:
            return {}
        kind, share = concentration(self._tasks)
        found: Facts = {
            "requests": n,
            "outside_conversations": self._single / n,
            "in_one_wording": self._rigidity.share(),
            "wordings_at_most": self._rigidity.wordings(),
            f"work_{kind.name.lower()}": share,
            "clients": distinct(self._churn.clients),
        }
        if self._churn.addresses:
            found["addresses"] = distinct(self._churn.addresses)
        if self._churn.networks:
            found["networks"] = distinct(self._churn.networks)
        continuity = self.continuity
        away = elsewhere([continuity])
        if away is not None:
            found["goes_on_elsewhere"] = away
        if continuity.own:
            found["goes_on_from_cache"] = continuity.cached / continuity.own
        for at, oddity in enumerate(ODDITIES):
            if self._oddities[at]:
                found[f"sets_{str(oddity.name).lower()}"] = self._oddities[at] / n
        return found
