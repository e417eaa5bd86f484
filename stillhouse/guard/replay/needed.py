"""What features need of exchanges: which fields, and whether an exchange has something in them that can be used."""

from stillhouse.guard.features import churn, continuity, origin, use
from stillhouse.guard.features.asked import asked
from stillhouse.types import Exchange

__all__ = ["NEEDED", "TEXT", "has", "has_text"]

TEXT = "request text"
NEEDED = (TEXT, *origin.NEEDS, *churn.NEEDS, *continuity.NEEDS, *use.NEEDS)


def has(exchange: Exchange, name: str) -> bool:
    """Whether it has what `name` says, as in NEEDED; a value of which nothing can be made is none."""
    if name == TEXT:
        return has_text(exchange)
    part, _, field_name = name.partition(".")
    value = getattr(exchange, part)
    if field_name:
        value = value.get(field_name)
    if name == "registration.created":
        return isinstance(value, str) and origin.hour(value) is not None
    return value is not None and value != ""


def has_text(exchange: Exchange) -> bool:
    """Whether its request says anything, or has hashes of what it said."""
    turns = exchange.request.get("messages") if exchange.api in ("chat.completions", "messages") else None
    last = turns[-1] if isinstance(turns, list) and turns else None
    if isinstance(last, dict) and last.get("role") == "user" and last.get("content") and type(last["content"]) is str:
        return True  # as most of them, in a tenth of the time
    said = asked(exchange)
    return bool(said.newest or said.system or said.scaffolds)
