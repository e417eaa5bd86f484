"""What features need of exchanges: which fields, and whether an exchange has something in them that can be used."""

from stillhouse.guard.features import churn, continuity, origin, use
from stillhouse.guard.features.asked import asked
from stillhouse.types import Exchange

__all__ = ["NEEDED", "has"]

_TEXT = "request text"
NEEDED = (_TEXT, *origin.NEEDS, *churn.NEEDS, *continuity.NEEDS, *use.NEEDS)


def has(exchange: Exchange, name: str) -> bool:
    """Whether it has what `name` says, as in NEEDED; a value of which nothing can be made is none."""
    if name == _TEXT:
        return asked(exchange).says
    part, _, field_name = name.partition(".")
    value = getattr(exchange, part)
    if field_name:
        value = value.get(field_name)
    if name == "registration.created":
        return isinstance(value, str) and origin.hour(value) is not None
    return value is not None and value != ""
