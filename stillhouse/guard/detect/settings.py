"""Section `detect` of guard.yaml: the error budget of each action, and how time is cut."""

from itertools import pairwise
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.guard.access.entities import ACTIONS, Action

__all__ = ["AccountBudgets", "Budgets", "DetectSettings"]


class Budgets(Settings):
    """False discovery rate of each action, 0 to 1, the stronger the lower; none is never taken by detection alone."""

    observe: float | None = Field(0.2, gt=0, lt=1, description="only noted")
    slow: float | None = Field(0.05, gt=0, lt=1, description="delayed, with a share of the limits")
    strip: float | None = Field(0.05, gt=0, lt=1, description="without log-probabilities and reasoning")
    verify: float | None = Field(0.02, gt=0, lt=1, description="refused until a person has verified")
    suspend: float | None = Field(
        0.01,
        gt=0,
        lt=1,
        description="refused; waits for a reviewer unless words and times each tell by themselves",
    )

    @model_validator(mode="after")
    def _stronger_is_stricter(self) -> Self:
        for (weaker, above), (stronger, rate) in pairwise(self.levels().items()):
            if rate > above:
                raise ValueError(
                    f"{stronger} has the rate {rate:g} and {weaker}, a weaker action, {above:g}; "
                    f"give {stronger} at most {above:g}, or {weaker} more"
                )
        return self

    def levels(self) -> dict[Action, float]:
        """The actions that may be taken and their rates, in the order of their strength."""
        given: dict[str, float | None] = self.model_dump()
        return {action: level for action in ACTIONS if (level := given.get(action)) is not None}


class AccountBudgets(Budgets):
    """The same for accounts by themselves, of which none is refused unless that is asked for."""

    verify: float | None = Field(None, gt=0, lt=1, description="refused until a person has verified")
    suspend: float | None = Field(None, gt=0, lt=1, description="refused; waits for a reviewer")


class DetectSettings(Settings):
    """Detection of campaigns and accounts."""

    reference: Path | None = Field(
        None,
        description="folder made by `guard reference`; `serve` detects while it serves where it is given, and `replay` "
        "takes it where no other is named",
    )
    campaigns: Budgets = Budgets()
    accounts: AccountBudgets = AccountBudgets()
    tick_seconds: float = Field(900.0, ge=1, le=86_400, description="longest time between two moments of decision")
    tick_exchanges: int = Field(2000, ge=1, description="most exchanges between two moments of decision")
    lateness_seconds: float = Field(
        600.0,
        ge=0,
        le=604_800,
        description="how far behind the newest of its file an exchange may stand and keep its time",
    )
    membership: float = Field(6.9, gt=0, description="log odds, in nats, at which an account counts as a campaign's")
    likely: float = Field(
        4.6, gt=0, description="log odds at which an account is slowed and stripped with a campaign, and no more"
    )

    @property
    def lateness(self) -> int:
        """`lateness_seconds` in microseconds, as times of rows are."""
        return int(self.lateness_seconds * 1e6)

    @model_validator(mode="after")
    def _likely_is_less(self) -> Self:
        if self.likely > self.membership:
            raise ValueError(f"likely is {self.likely:g}, above membership ({self.membership:g}); give it less")
        return self
