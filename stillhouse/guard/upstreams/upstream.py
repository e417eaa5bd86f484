"""One server that answers, and what is known of its health.

Health comes from the requests themselves; a probe is only needed to find out that a server is well again before a
customer does. State is kept by name, so a reload of the config does not forget which server was resting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stillhouse.errors import ConfigError
from stillhouse.guard.settings import UpstreamSettings

__all__ = ["Health", "Upstream", "make_upstream"]


@dataclass(slots=True)
class Health:
    """What the last requests told. `resting_until` is in the clock's seconds; 0 means well."""

    failures: int = 0
    resting_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server with all that a request to it needs; `health` is the one part that changes."""

    name: str
    base_url: str
    headers: Mapping[str, str]
    weight: float
    settings: UpstreamSettings
    clock: Callable[[], float]
    health: Health = field(default_factory=Health)

    def url(self, path: str) -> str:
        """`path` is what follows the base URL: `/chat/completions`."""
        return self.base_url + path

    @property
    def resting(self) -> bool:
        return self.health.resting_until > self.clock()

    def succeeded(self) -> None:
        """It answered, whatever the answer: it is well."""
        health = self.health
        if health.failures or health.resting_until:
            health.failures, health.resting_until = 0, 0.0

    def failed(self) -> None:
        """It did not answer, or said that it cannot; enough of these in a row and it rests."""
        self.health.failures += 1
        if self.health.failures >= self.settings.health.failures:
            self.health.resting_until = self.clock() + self.settings.health.rest_seconds


def make_upstream(
    settings: UpstreamSettings, environ: Mapping[str, str], clock: Callable[[], float], health: Health
) -> Upstream:
    """Raises ConfigError where the environment variable of its key is not set."""
    headers = {name.lower(): value for name, value in settings.headers.items()}
    if settings.key_env is not None:
        key = environ.get(settings.key_env)
        if not key:
            raise ConfigError(
                f"upstreams: '{settings.name}' takes its key from the environment variable {settings.key_env}, "
                "which is not set; set it, or remove key_env"
            )
        if settings.api == "anthropic":
            headers["x-api-key"] = key
        else:
            headers["authorization"] = f"Bearer {key}"
    base = settings.base_url.rstrip("/")
    try:
        parts = urlsplit(base)
        sound = bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(
            f"upstreams: '{settings.name}' has a base_url that is no address; give one like http://127.0.0.1:8000/v1, "
            "without a user (its key is named by key_env)"
        )
    return Upstream(
        name=settings.name,
        base_url=base,
        headers=headers,
        weight=settings.weight,
        settings=settings,
        clock=clock,
        health=health,
    )
