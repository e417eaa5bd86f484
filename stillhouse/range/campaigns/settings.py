"""A campaign as data: every choice of its operator is one key, so that a scenario can combine them freely."""

from typing import Literal, Self

from pydantic import Field, model_validator

from stillhouse.config import Settings

__all__ = ["CampaignSettings", "Objective", "Strategy"]

Objective = Literal["instructions", "reasoning", "grading", "analyst", "tool_traces", "logprobs"]


class Strategy(Settings):
    """How the requests are spread, and what is done against being seen."""

    accounts: int = Field(4000, ge=1, description="accounts, those of a second pool included")
    routing: Literal["round_robin", "random", "one_by_one", "topic_shards"] = Field(
        "round_robin",
        description="which account asks next: each in turn, any, the same until it is used up, or each in turn and "
        "only what is of its own topic",
    )
    pools: Literal[1, 2] = Field(1, description="2: a second half of the accounts takes over when the first stops")
    failover_at: float = Field(0.5, gt=0, lt=1, description="share of the requests after which the first pool stops")
    failover_minutes: float = Field(5.0, ge=0, description="time until the second pool starts")
    network: Literal["residential", "data_centre"] = Field(
        "data_centre", description="an address of its own for each account, anywhere, or a few rented machines for all"
    )
    machines: int = Field(6, ge=1, description="addresses of the rented machines")
    registration: Literal["separate", "shared"] = Field(
        "separate", description="mail domain and payment of its own for each account, or a few for all"
    )
    account_days: float = Field(
        40.0, gt=0, description="age of the oldest account when it begins, where registration is separate"
    )
    software: Literal["one", "mixed", "popular"] = Field(
        "one", description="one script, libraries of several kinds, or the words and user agent of a popular program"
    )
    wording: Literal["fixed", "paraphrase_pool", "randomised"] = Field(
        "fixed", description="one template, one of `paraphrases`, or no two requests in the same words"
    )
    paraphrases: int = Field(200, ge=2, description="wordings of the paraphrase pool")
    rhythm: Literal["flat", "office_hours", "ramp", "bursts"] = Field(
        "flat", description="even, by day only, slowly more and more, or in a few hours of the time"
    )
    exploration: float = Field(
        0.0, ge=0, lt=1, description="share of the requests that first try another technique each, at low volume"
    )
    honest_share: float = Field(
        0.0,
        ge=0,
        le=0.99,
        description="share of the accounts' requests that are not the campaign's: how far it is diluted",
    )
    cover: Literal["chat_pool", "people"] = Field(
        "chat_pool", description="single prompts of one pool, or whole sessions of real people bought from a relay"
    )
    follow_ups: float = Field(0.0, ge=0, le=8, description="mean of the invented further turns after each question")


class CampaignSettings(Settings):
    """One campaign."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="its name in the labels")
    objective: Objective = Field("instructions", description="what is asked for")
    requests: int = Field(16_000, ge=1, description="requests of its own, further turns and samples included")
    samples: int = Field(1, ge=1, le=64, description="how often each question is asked")
    day: float = Field(1.0, ge=0, description="when it begins, in days from the start")
    hours: float = Field(48.0, gt=0, description="how long it lasts")
    strategy: Strategy = Strategy()

    @model_validator(mode="after")
    def _pools_have_accounts(self) -> Self:
        if self.strategy.pools == 2 and self.strategy.accounts < 2:
            raise ValueError("strategy.pools is 2 with one account; give 2 accounts or more")
        return self
