"""guard.yaml: where the gateway listens, whom it asks, what each plan may do, and what is kept.

Who the customers are is not in this file but in the database, since that changes by the minute; rules change by
review. Secrets are named by environment variable or file, never written here.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from stillhouse.config import Settings
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.types import Api

__all__ = [
    "AccessSettings",
    "AdminSettings",
    "BesideSettings",
    "BlobSettings",
    "Closing",
    "GuardSettings",
    "HealthSettings",
    "LedgerSettings",
    "Limits",
    "ListenSettings",
    "LogSettings",
    "ModelSettings",
    "Plan",
    "Policy",
    "Prices",
    "SlowSettings",
    "StateSettings",
    "TelemetrySettings",
    "TimeoutSettings",
    "UpstreamSettings",
]

Closing = Literal["allow", "strip", "refuse"]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,127}$")]
_Port = Annotated[int, Field(ge=0, le=65535)]


class ListenSettings(Settings):
    """Where clients come in."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: _Port = Field(8080, description="0 takes a free one and prints it")
    body_bytes: int = Field(32 << 20, ge=1024, description="longest request body; a longer one is answered 413")
    depth: int = Field(128, ge=8, le=250, description="deepest nesting of JSON; a deeper one is answered 400")
    receive_seconds: float = Field(60.0, gt=0, description="time a client has to send its body")
    connections: int = Field(10_000, ge=1, description="requests at once, and open connections; more are answered 503")


class AdminSettings(Settings):
    """Administration and metrics: another port, loopback unless a token guards it."""

    host: str = Field("127.0.0.1", description="address; one that is not loopback needs `token_env`")
    port: _Port = Field(8081, description="0 takes a free one and prints it")
    token_env: str | None = Field(
        None, description="environment variable of the token that `Authorization: Bearer` must have"
    )
    hosts: tuple[str, ...] = Field((), description="further names that it is reached by; others are refused")

    @model_validator(mode="after")
    def _closed_by_default(self) -> Self:
        if self.token_env is None and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(f"admin.host {self.host} is not loopback; set admin.token_env, or listen on 127.0.0.1")
        return self


class StateSettings(Settings):
    """What gateways share."""

    database: str = Field("sqlite:///guard.db", description="SQLAlchemy URL: sqlite:///FILE or postgresql+pg8000://...")
    database_env: str | None = Field(None, description="environment variable that holds the URL instead")
    counters: str = Field(
        "memory", description="`memory`, or redis://host:port/0 of a Valkey or Redis that gateways share"
    )
    counters_env: str | None = Field(None, description="environment variable that holds the address instead")
    refresh_seconds: float = Field(0.25, gt=0, le=1.0, description="how often changes of others are looked for")


class Prices(Settings):
    """Money for a million tokens, in the currency of the budgets."""

    input: float = Field(0.0, ge=0, description="a million input tokens")
    cached_input: float | None = Field(None, ge=0, description="a million cached input tokens; none costs as input")
    output: float = Field(0.0, ge=0, description="a million output tokens")


class HealthSettings(Settings):
    """How an upstream is watched."""

    path: str | None = Field(
        None, pattern=r"^/[^\s]*$", description="path asked for, such as /health; none watches only real requests"
    )
    every_seconds: float = Field(5.0, gt=0, description="time between two probes")
    failures: int = Field(3, ge=1, description="failures in a row after which it is left alone")
    rest_seconds: float = Field(10.0, gt=0, description="how long it is left alone before it is tried again")


class UpstreamSettings(Settings):
    """One server that answers: any OpenAI- or Anthropic-compatible one."""

    name: _Name = Field(description="its name in metrics and logs")
    base_url: str = Field(
        pattern=r"^https?://[^\s?#]+$",
        description="its address up to the version, like http://127.0.0.1:8000/v1",
    )
    api: Literal["openai", "anthropic"] = Field(
        "openai", description="how it is greeted: `Authorization: Bearer` or `x-api-key`"
    )
    key_env: str | None = Field(None, description="environment variable of its key")
    weight: float = Field(1.0, gt=0, description="share of the requests beside other upstreams of the same model")
    health: HealthSettings = HealthSettings()
    headers: dict[str, str] = Field(default_factory=dict, description="further headers of every request to it")


class ModelSettings(Settings):
    """A model as clients name it."""

    name: _Name = Field(description="the name that clients ask for")
    upstreams: tuple[_Name, ...] = Field(
        min_length=1, description="who answers; the next one takes over where one fails"
    )
    upstream_name: str | None = Field(None, description="its name there; none is the same")
    apis: tuple[Api, ...] = Field((), description="the only APIs that it is served by; none given is all")
    prices: Prices = Prices()


class TimeoutSettings(Settings):
    """How long an upstream may take, in seconds."""

    connect: float = Field(5.0, gt=0, description="until the connection stands")
    first_byte: float = Field(300.0, gt=0, description="from the request to the answer's first byte")
    stall: float = Field(30.0, gt=0, description="between two pieces of an answer")


class Limits(Settings):
    """How much; nothing given is no limit."""

    requests_per_minute: int | None = Field(None, ge=1, description="requests in any minute")
    requests_per_day: int | None = Field(None, ge=1, description="requests in a day in UTC")
    tokens_per_minute: int | None = Field(None, ge=1, description="input and output tokens in any minute")
    tokens_per_day: int | None = Field(None, ge=1, description="input and output tokens in a day in UTC")
    concurrent: int | None = Field(None, ge=1, description="requests at once")
    budget_per_day: float | None = Field(None, gt=0, description="money, by the models' prices; a day in UTC")
    budget_per_month: float | None = Field(
        None, gt=0, description="money, by the models' prices; a calendar month in UTC"
    )


class Policy(Settings):
    """Parameters that show more of a model than its answers: allowed, stripped (a header says so), or refused."""

    logprobs: Closing = Field("allow", description="`logprobs` and `top_logprobs`")
    max_top_logprobs: int = Field(20, ge=0, description="most alternatives a token where logprobs are allowed")
    logit_bias: Closing = Field("allow", description="`logit_bias`")
    logprobs_with_logit_bias: Closing = Field(
        "refuse", description="both at once, which together give away whole distributions"
    )
    seed: Closing = Field("allow", description="`seed`")
    max_n: int = Field(128, ge=1, description="most answers to one request (`n`, `best_of`); more are refused")
    reasoning: Literal["allow", "strip"] = Field("allow", description="reasoning text and blobs in answers")


class Plan(Settings):
    """What an account may do."""

    account: Limits = Field(Limits(), description="for each account")
    organisation: Limits = Field(Limits(), description="for the organisation as a whole")
    key: Limits = Field(Limits(), description="for each key")
    policy: Policy = Policy()
    models: tuple[str, ...] = Field((), description="the only models; none given is all")


class SlowSettings(Settings):
    """What `slow` does to an account."""

    delay_seconds: float = Field(2.0, ge=0, le=60, description="added before each answer")
    limits_factor: float = Field(0.25, gt=0, le=1, description="share of the plan's requests and tokens that is left")


class AccessSettings(Settings):
    """Rules before any key is looked at, and how a client's true address is found."""

    trusted_proxies: tuple[str, ...] = Field((), description="addresses or ranges whose X-Forwarded-For is believed")
    address_header: str = Field("x-forwarded-for", description="the header in which trusted proxies name the client")
    country_header: str | None = Field(
        None, description="the header in which trusted proxies name the client's country"
    )
    country_database: Path | None = Field(None, description="an MMDB file with countries, supplied by you")
    asn_database: Path | None = Field(None, description="an MMDB file with autonomous systems, supplied by you")
    countries_allow: tuple[str, ...] = Field(
        (), description="the only client countries; an unknown country is then refused"
    )
    countries_deny: tuple[str, ...] = Field((), description="client countries that are refused")
    ip_allow: tuple[str, ...] = Field((), description="the only client addresses or ranges")
    ip_deny: tuple[str, ...] = Field((), description="client addresses or ranges that are refused")
    failed_keys_per_minute: int = Field(
        60, ge=1, description="wrong keys from one address (IPv6: one /64) before it has to wait"
    )
    contact: str | None = Field(None, description="link in refusals: where a person verifies or appeals")
    slow: SlowSettings = SlowSettings()

    @model_validator(mode="after")
    def _countries_can_be_known(self) -> Self:
        if self.country_header is not None and not self.trusted_proxies:
            raise ValueError("country_header is believed of trusted proxies only; name them in trusted_proxies")
        if (self.countries_allow or self.countries_deny) and not (self.country_header or self.country_database):
            raise ValueError("countries cannot be known without country_database or country_header; give one of them")
        return self


class BlobSettings(Settings):
    """Sealing of reasoning blobs and response ids to the account that they were given to."""

    keys: Path | None = Field(
        None, description="key file made by `stillhouse guard blob-key`; none leaves blobs as they are"
    )
    conversation: Literal["refuse", "allow"] = Field(
        "refuse", description="a blob of the same account in another conversation"
    )


class LogSettings(Settings):
    """The exchange log."""

    folder: Path = Field(Path("exchanges"), description="where its segments go")
    privacy: Literal["full", "scaffold", "none"] = Field(
        "full", description="content as sent, only a keyed hash of its wording, or neither"
    )
    scaffold_key_env: str | None = Field(
        None, description="environment variable of the secret that scaffold hashes are keyed with"
    )
    fsync: Literal["always", "interval"] = Field(
        "interval", description="on disk before the client is told that an answer is complete, or at intervals"
    )
    interval_seconds: float = Field(
        1.0, gt=0, le=60, description="longest time that a finished exchange is only in memory"
    )
    segment_bytes: int = Field(256 << 20, ge=1 << 16, description="size at which a new segment begins")
    segment_seconds: float = Field(3600.0, gt=0, description="age at which a new segment begins")
    retain_days: float | None = Field(None, gt=0, description="older segments are removed; none keeps all")
    queue_bytes: int = Field(
        256 << 20, ge=1 << 20, description="most that waits for the disk; requests are refused beyond it"
    )


class LedgerSettings(Settings):
    """The record of decisions."""

    key: Path = Field(Path("ledger-key.pem"), description="Ed25519 key that signs checkpoints; made on first use")
    checkpoint: Path | None = Field(
        None,
        description="file that always holds the last checkpoint, best on another machine's disk; "
        "none is `.checkpoint` behind the name of the SQLite file or of the key",
    )
    origin: str = Field(
        "stillhouse.local/ledger", pattern=r"^[^\s+]{1,200}$", description="the ledger's name in its checkpoints"
    )


class BesideSettings(Settings):
    """What a gateway of another make may ask this one: whether an account may be served."""

    token_env: str | None = Field(None, description="environment variable of the token it has to show; none is off")


class TelemetrySettings(Settings):
    """What operators see."""

    traces: str | None = Field(
        None, pattern=r"^https?://\S+$", description="OTLP/HTTP address for traces; none sends none"
    )
    trace_share: float = Field(1.0, ge=0, le=1, description="share of requests that are traced")
    access_log: bool = Field(False, description="one JSON line on standard error for each request")


class GuardSettings(Settings):
    """The whole of guard.yaml. Relative paths are meant from the file's own folder."""

    listen: ListenSettings = ListenSettings()
    admin: AdminSettings = AdminSettings()
    state: StateSettings = StateSettings()
    upstreams: tuple[UpstreamSettings, ...] = Field(min_length=1, description="servers that answer")
    models: tuple[ModelSettings, ...] = Field(min_length=1, description="models that are served; any other is unknown")
    plans: dict[str, Plan] = Field(
        default_factory=lambda: {"default": Plan()},
        description="plans by name; `default` is for accounts that name none",
    )
    access: AccessSettings = AccessSettings()
    blobs: BlobSettings = BlobSettings()
    log: LogSettings = LogSettings()
    ledger: LedgerSettings = LedgerSettings()
    beside: BesideSettings = BesideSettings()
    detect: DetectSettings = DetectSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    drain_seconds: float = Field(30.0, ge=0, description="time that running requests have when the gateway stops")

    @field_validator("plans")
    @classmethod
    def _has_default(cls, plans: dict[str, Plan]) -> dict[str, Plan]:
        if "default" not in plans:
            raise ValueError("has no plan `default`; add it, for accounts that name none")
        return plans

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        known = [upstream.name for upstream in self.upstreams]
        for name in known:
            if known.count(name) > 1:
                raise ValueError(f"upstreams: '{name}' is there twice; give each a name of its own")
        models = [model.name for model in self.models]
        for model in self.models:
            if models.count(model.name) > 1:
                raise ValueError(f"models: '{model.name}' is there twice; give one model several upstreams instead")
            for name in model.upstreams:
                if name not in known:
                    raise ValueError(f"models: '{model.name}' names upstream '{name}'; known: {', '.join(known)}")
        ports = {self.listen.port, self.admin.port}
        if len(ports) == 1 and ports != {0} and self.listen.host == self.admin.host:
            raise ValueError(f"listen and admin both want port {self.listen.port}; give admin.port another")
        free = all(model.prices == Prices() for model in self.models)
        for name, plan in self.plans.items():
            limits = (plan.account, plan.organisation, plan.key)
            if free and any(limit.budget_per_day or limit.budget_per_month for limit in limits):
                raise ValueError(f"plans.{name} has a budget, and no model has prices; give models.prices")
            for model_name in plan.models:
                if model_name not in models:
                    raise ValueError(f"plans.{name}.models: '{model_name}' is not under models ({', '.join(models)})")
        return self
