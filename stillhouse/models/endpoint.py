"""What a config says about a model that is served over HTTP: where, under which name, how fast, how dear.

Plain settings with no HTTP in them, so that a config can be checked and shown where nothing can be reached. A key
never stands in a config: only the name of the environment variable that holds it.
"""

import json
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from stillhouse.config import Settings

__all__ = ["CAPS", "FACTORS", "Budget", "ConnectionSettings", "EndpointSettings", "Prices"]

# Where an API names the most that one answer may have, and how many answers a call is billed for.
CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
FACTORS = ("n", "best_of")


class Prices(Settings):
    """What a million tokens cost, in US dollars."""

    input: float = Field(0.0, ge=0, description="USD for a million tokens that are read")
    cached_input: float | None = Field(
        None,
        ge=0,
        description="USD for a million tokens in the endpoint's own cache, at most `input`; none: as `input`",
    )
    output: float = Field(0.0, ge=0, description="USD for a million tokens that are written")

    @model_validator(mode="after")
    def _cached_input_is_no_dearer(self) -> Self:
        if self.cached_input is not None and self.cached_input > self.input:
            raise ValueError(
                f"prices.cached_input is {self.cached_input:g}, above prices.input {self.input:g}, which a budget "
                "reserves for whatever is read; lower it, leave it out, or raise prices.input"
            )
        return self


class Budget(Settings):
    """What may be spent before calls stop cleanly."""

    tokens: int | None = Field(None, gt=0, description="most tokens, read and written together")
    usd: float | None = Field(None, gt=0, description="most money, by `prices`")


class ConnectionSettings(Settings):
    """Where a server is and how it is asked, whatever it speaks."""

    base_url: str = Field(description="up to and without the API's own path, like `http://127.0.0.1:8000/v1`")
    key_env: str | None = Field(None, description="name of the environment variable that holds the key")
    concurrency: int = Field(8, ge=1, description="calls under way at once")
    timeout: float = Field(120.0, gt=0, description="seconds without a byte before a call counts as failed")
    retries: int = Field(5, ge=0, description="more tries of a call that failed for a passing reason")
    backoff: float = Field(0.5, gt=0, description="seconds before the first retry; doubled each time, with jitter")
    longest_wait: float = Field(
        300.0, gt=0, description="most seconds between two tries; an endpoint that asks for more ends the work"
    )
    extra: dict[str, Any] = Field(
        {}, description="further fields of every request body, over our own; one that is null is left out"
    )

    @field_validator("extra")
    @classmethod
    def _is_json_with_counts_that_are_some(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"give what JSON can hold ({error})") from None
        for name in (*CAPS, *FACTORS):
            count = value.get(name)
            if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
                raise ValueError(f"{name} is {count!r}; give a whole number above 0, or null to leave it out")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_a_bare_address(cls, value: str) -> str:
        if not value.isprintable() or " " in value:
            raise ValueError("an address is one line without blanks; take them out")
        parts = urlsplit(value)
        # Reading the port checks it.
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if not whole or parts.query or parts.fragment:
            raise ValueError("give http:// or https://, a host, and a path, like http://127.0.0.1:8000/v1")
        if parts.username is not None:
            raise ValueError("a key has no place in an address; name its environment variable under key_env")
        return value.rstrip("/")


class EndpointSettings(ConnectionSettings):
    """A model behind an OpenAI-compatible or Anthropic endpoint."""

    api: Literal["chat.completions", "completions", "responses", "messages"] = Field(
        "chat.completions", description="which API it speaks; `messages` is Anthropic's"
    )
    n_field: bool = Field(True, description="ask for several answers in one call, where the API has a field for it")
    cache: Path | None = Field(
        None, description="folder of answers that were paid for, shared by runs; unset: one of the run's own"
    )
    prices: Prices = Prices()
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _has_a_budget_that_can_be_held(self) -> Self:
        if self.budget.usd is not None and self.prices.input == self.prices.output == 0:
            raise ValueError(
                f"budget.usd is {self.budget.usd:g} and prices.input and prices.output are 0, so it would never be "
                "reached; set prices, or give budget.tokens"
            )
        own = "max_output_tokens" if self.api == "responses" else "max_tokens"
        capped = self.extra.get(own, 1) is not None or any(self.extra.get(name) is not None for name in CAPS)
        if self.budget != Budget() and not capped:
            raise ValueError(
                f"extra takes {own} out and a budget is set, so nothing bounds what a call may cost; "
                f"give another cap under extra ({', '.join(name for name in CAPS if name != own)})"
            )
        return self
