"""`stillhouse.exchange/1` as a value: a plain mapping in, an `Exchange` out, and back without loss.

The format is what other programs write, so every required field is checked here, once, and a fault names
the field. Fields that this version does not know ride along in `Exchange.extra`.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from stillhouse.errors import RecordError
from stillhouse.records.times import microseconds
from stillhouse.types import Api, Exchange

__all__ = ["VERSION", "exchange_from_record", "exchange_to_record"]

VERSION = "stillhouse.exchange/1"

_APIS = get_args(Api)
_NAMED = {field.name for field in fields(Exchange)} - {"extra"}


def exchange_to_record(exchange: Exchange) -> dict[str, Any]:
    """The mapping that one line of a log holds. Optional fields that are absent or empty are left out."""
    record: dict[str, Any] = {"v": VERSION}
    for name in ("id", "time", "account", "organisation", "key", "model", "api", "request", "response"):
        value = getattr(exchange, name)
        if value is not None or name == "response":
            record[name] = value
    for name in ("usage", "client", "registration"):
        if getattr(exchange, name):
            record[name] = getattr(exchange, name)
    record["status"] = exchange.status
    if exchange.latency_ms is not None:
        record["latency_ms"] = exchange.latency_ms
    return record | dict(exchange.extra)


def exchange_from_record(record: object, place: str) -> Exchange:
    """Check one decoded line. RecordError opens with `place` (`file:line`) and names the field."""
    if not isinstance(record, Mapping):
        raise RecordError(f"{place}: holds a {type(record).__name__}; one exchange is a JSON object")
    version = record.get("v")
    if version != VERSION:
        raise RecordError(f"{place}: version (`v`) is {version!r}; this reader knows {VERSION}")
    missing = [name for name in ("id", "time", "account", "model", "api", "request") if record.get(name) is None]
    if missing:
        raise RecordError(f"{place}: field '{missing[0]}' is missing; every exchange needs it")
    for name in ("id", "time", "account", "model", "api", "organisation", "key"):
        if record.get(name) is not None:
            _need(isinstance(record[name], str) and bool(record[name]), place, name, record[name], "a string")
    for name in ("request", "response", "usage", "client", "registration"):
        if record.get(name) is not None:
            _need(isinstance(record[name], Mapping), place, name, record[name], "an object")
    _need(record["api"] in _APIS, place, "api", record["api"], f"one of {', '.join(_APIS)}")
    _need(
        microseconds(record["time"]) is not None,
        place,
        "time",
        record["time"],
        "RFC 3339 in UTC, like 2026-07-24T08:15:30.125Z",
    )
    usage = {name: count for name, count in (record.get("usage") or {}).items() if count is not None}
    for name, count in usage.items():
        _need(_is_int(count), place, f"usage.{name}", count, "an integer")
    status = 200 if record.get("status") is None else record["status"]
    _need(_is_int(status), place, "status", status, "an integer")
    latency = record.get("latency_ms")
    _need(latency is None or _is_int(latency) or isinstance(latency, float), place, "latency_ms", latency, "a number")
    return Exchange(
        id=record["id"],
        time=record["time"],
        account=record["account"],
        organisation=record.get("organisation"),
        key=record.get("key"),
        model=record["model"],
        api=record["api"],
        request=record["request"],
        response=record.get("response"),
        usage=usage,
        client=record.get("client") or {},
        registration=record.get("registration") or {},
        status=status,
        latency_ms=None if latency is None else float(latency),
        extra={name: value for name, value in record.items() if name not in _NAMED and name != "v"},
    )


def _need(holds: bool, place: str, name: str, value: object, expected: str) -> None:
    if not holds:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise RecordError(f"{place}: field '{name}' is {shown}; it must be {expected}")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
