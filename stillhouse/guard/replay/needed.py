"""What features need of exchanges: which fields, and whether an exchange has something in them that can be used."""

from stillhouse.guard.features import (
    asked,
    cadence,
    churn,
    concentration,
    content,
    continuity,
    course,
    coverage,
    cues,
    exchangeability,
    failover,
    harness,
    origin,
    rigidity,
    sampling,
    template,
    use,
)
from stillhouse.types import Exchange

__all__ = ["NEEDED", "has"]

_FEATURES = (
    asked, cadence, churn, concentration, content, continuity, course, coverage, cues, exchangeability, failover,
    harness, origin, rigidity, sampling, template, use,
)  # fmt: skip
_TOLD = {"request": "request text"}
_ALWAYS = "time"
NEEDED: tuple[str, ...] = tuple(
    dict.fromkeys(_TOLD.get(name, name) for feature in _FEATURES for name in feature.NEEDS if name != _ALWAYS)
)
"""In the order of the features' names and of what each says, each once. A time is not among them: there is no exchange
without one."""


def has(exchange: Exchange, name: str) -> bool:
    """Whether it has what `name` says, as in NEEDED; a value of which nothing can be made is none."""
    if name == _TOLD["request"]:
        return asked.asked(exchange).says
    part, _, field_name = name.partition(".")
    value = getattr(exchange, part)
    if field_name:
        value = value.get(field_name)
    if name == "registration.created":
        return isinstance(value, str) and origin.hour(value) is not None
    return value is not None and value != ""
