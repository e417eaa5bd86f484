"""What a config says about a model that is served over HTTP: where, under which name, how fast, how dear.

Plain settings with no HTTP in them, so that a config can be checked and shown where nothing can be reached. A key
never stands in a config: only the name of the environment variable that holds it.
"""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from stillhouse.config import Settings

__all__ = ["Budget", "EndpointSettings", "Prices"]


class Prices(Settings):
    """What a million tokens cost, in US dollars."""

    input: float = Field(0.0, ge=0, description="USD for a million tokens that are read")
    cached_input: float | None = Field(
        None, ge=0, description="USD for a million tokens that the endpoint had in its own cache; none: as `input`"
    )
    output: float = Field(0.0, ge=0, description="USD for a million tokens that are written")


class Budget(Settings):
    """What may be spent before calls stop cleanly."""

    tokens: int | None = Field(None, gt=0, description="most tokens, read and written together")
    usd: float | None = Field(None, gt=0, description="most money, by `prices`")


class EndpointSettings(Settings):
    """A model behind an OpenAI-compatible or Anthropic endpoint."""

    base_url: str = Field(description="up to and without the API's own path, like `http://127.0.0.1:8000/v1`")
    api: Literal["chat.completions", "completions", "responses", "messages"] = Field(
        "chat.completions", description="which API it speaks; `messages` is Anthropic's"
    )
    key_env: str | None = Field(None, description="name of the environment variable that holds the key")
    concurrency: int = Field(8, ge=1, description="calls under way at once")
    timeout: float = Field(120.0, gt=0, description="seconds without a byte before a call counts as failed")
    retries: int = Field(5, ge=0, description="more tries of a call that failed for a passing reason")
    backoff: float = Field(0.5, gt=0, description="seconds before the first retry; doubled each time, with jitter")
    longest_wait: float = Field(
        300.0, gt=0, description="most seconds between two tries; an endpoint that asks for more ends the work"
    )
    n_field: bool = Field(True, description="ask for several answers in one call, where the API has a field for it")
    cache: Path | None = Field(
        None, description="folder of answers that were paid for, shared by runs; unset: one of the run's own"
    )
    prices: Prices = Prices()
    budget: Budget = Budget()
    extra: dict[str, Any] = Field(
        {}, description="further fields of every request body, over our own; one that is null is left out"
    )

    @field_validator("base_url")
    @classmethod
    def _is_a_bare_address(cls, value: str) -> str:
        parts = urlsplit(value)
        # Reading the port checks it.
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if not whole or parts.query or parts.fragment:
            raise ValueError("give http:// or https://, a host, and a path, like http://127.0.0.1:8000/v1")
        if parts.username is not None:
            raise ValueError("a key has no place in an address; name its environment variable under key_env")
        return value.rstrip("/")
