"""guard.yaml made ready for requests: every name resolved, every range parsed, every key loaded.

One value, replaced as a whole when the config is read again: a request works with the one that it began with, and a
config with a fault never becomes one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stillhouse.errors import ConfigError
from stillhouse.guard.access.address import ClientAddress
from stillhouse.guard.access.region import Regions
from stillhouse.guard.access.rules import Rules
from stillhouse.guard.blobs.key_file import load_keyring
from stillhouse.guard.blobs.sealer import Sealer
from stillhouse.guard.settings import GuardSettings, ModelSettings
from stillhouse.guard.upstreams.upstream import Health, Upstream, make_upstream

__all__ = ["Runtime", "ServedModel", "make_runtime", "needs_restart"]

_FIXED = ("listen", "admin", "state", "log", "ledger", "beside", "detect", "telemetry", "drain_seconds")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as clients name it, and who answers for it."""

    settings: ModelSettings
    upstreams: tuple[Upstream, ...]

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def upstream_name(self) -> str:
        return self.settings.upstream_name or self.settings.name


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: GuardSettings
    models: Mapping[str, ServedModel]
    upstreams: Mapping[str, Upstream]
    addresses: ClientAddress
    regions: Regions
    rules: Rules
    sealer: Sealer | None


def make_runtime(
    settings: GuardSettings,
    folder: Path,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    before: Runtime | None = None,
) -> Runtime:
    """Whatever can be wrong with a config is found here: ConfigError in one line. `folder` is guard.yaml's own."""
    upstreams = {}
    for upstream in settings.upstreams:
        known = before.upstreams.get(upstream.name) if before is not None else None
        health = known.health if known is not None and known.base_url == upstream.base_url.rstrip("/") else Health()
        upstreams[upstream.name] = make_upstream(upstream, environ, clock, health)
    models = {
        model.name: ServedModel(model, tuple(upstreams[name] for name in model.upstreams)) for model in settings.models
    }
    access = settings.access
    blobs = settings.blobs
    return Runtime(
        settings=settings,
        models=models,
        upstreams=upstreams,
        addresses=ClientAddress(access.trusted_proxies, access.address_header),
        regions=Regions(access, folder),
        rules=Rules(access),
        sealer=None if blobs.keys is None else Sealer(load_keyring(folder / blobs.keys), blobs.conversation),
    )


def needs_restart(old: GuardSettings, new: GuardSettings) -> None:
    """ConfigError where a section changed that only a start can apply; nothing of the new config is applied then."""
    if old.timeouts.connect != new.timeouts.connect:
        raise ConfigError("'timeouts.connect' changed, which a reload cannot apply; restart the gateway instead")
    for section in _FIXED:
        if getattr(old, section) != getattr(new, section):
            raise ConfigError(f"'{section}' changed, which a reload cannot apply; restart the gateway instead")
