"""`stillhouse.exchange/1` as a value: a plain mapping in, an `Exchange` out, and back without loss.

The format is what other programs write, so every required field is checked here, once, and a fault names
the field. Fields that this version does not know ride along in `Exchange.extra`.
"""

import sys
from dataclasses import fields
from typing import Any, get_args

from stillhouse.errors import RecordError
from stillhouse.records.times import microseconds
from stillhouse.types import Api, Exchange

__all__ = ["REGISTERED", "VERSION", "exchange_from_record", "exchange_to_record"]

VERSION = "stillhouse.exchange/1"

_APIS = get_args(Api)
_NAMED = {"v", *(field.name for field in fields(Exchange))} - {"extra"}
_REQUIRED = ("id", "time", "account", "model", "api", "request")
_TEXTS = ("id", "time", "account", "model", "api", "organisation", "key")
_OBJECTS = ("request", "response", "usage", "client", "registration")
REGISTERED = ("created", "payment", "email_domain", "plan", "phone")
"""What of a registration is known by name, each of it text."""
_INSIDE = (("client", ("ip", "country", "user_agent", "ja4", "harness")), ("registration", REGISTERED))
_HIGHEST_STATUS = 999  # 0 is a call that was never answered


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
    if not isinstance(record, dict):
        raise RecordError(f"{place}: holds a {type(record).__name__}; one exchange is a JSON object")
    get = record.get
    if get("v") != VERSION:
        raise _version_fault(place, get("v"))
    for name in _REQUIRED:
        if get(name) is None:
            raise RecordError(f"{place}: field '{name}' is missing; every exchange needs it")
    for name in _TEXTS:
        value = get(name)
        if value is not None and not (isinstance(value, str) and value):
            raise _fault(place, name, value, "a string that is not empty")
        if value is not None and not _is_text(value):
            raise _fault(place, name, value, "text without lone surrogates, which UTF-8 does not have")
    for name in _OBJECTS:
        value = get(name)
        if value is not None and not isinstance(value, dict):
            raise _fault(place, name, value, "an object (in Parquet a struct, or the object's JSON as text)")
    if record["api"] not in _APIS:
        raise _fault(place, "api", record["api"], f"one of {', '.join(_APIS)}")
    if microseconds(record["time"]) is None:
        raise _fault(place, "time", record["time"], "RFC 3339 in UTC, like 2026-07-24T08:15:30.125Z")
    for part, inside in _INSIDE:
        of = get(part) or {}
        for name in inside if of else ():
            value = of.get(name)
            if value is not None and not isinstance(value, str):
                raise _fault(place, f"{part}.{name}", value, "a string")
    plan = (get("registration") or {}).get("plan")
    if plan is not None and not _is_text(plan):
        raise _fault(place, "registration.plan", plan, "text without lone surrogates, which UTF-8 does not have")
    network = (get("client") or {}).get("asn")
    if network is not None and not _is_count(network):
        raise _fault(place, "client.asn", network, "an integer of 0 or more, such as 64500")
    usage = get("usage") or {}
    for name, count in usage.items():
        if count is not None and not _is_count(count):
            raise _fault(place, f"usage.{name}", count, "an integer of 0 or more")
    if None in usage.values():
        usage = {name: count for name, count in usage.items() if count is not None}
    status = 200 if get("status") is None else record["status"]
    if not (_is_count(status) and status <= _HIGHEST_STATUS):
        raise _fault(place, "status", status, f"an integer from 0 to {_HIGHEST_STATUS}")
    latency = get("latency_ms")
    if latency is not None and not (type(latency) in (int, float) and 0 <= latency <= sys.float_info.max):
        raise _fault(place, "latency_ms", latency, "a number of 0 or more")
    return Exchange(
        id=record["id"],
        time=record["time"],
        account=record["account"],
        organisation=get("organisation"),
        key=get("key"),
        model=record["model"],
        api=record["api"],
        request=record["request"],
        response=get("response"),
        usage=usage,
        client=get("client") or {},
        registration=get("registration") or {},
        status=status,
        latency_ms=None if latency is None else float(latency),
        extra={} if record.keys() <= _NAMED else {name: record[name] for name in record if name not in _NAMED},
    )


def _fault(place: str, name: str, value: object, expected: str) -> RecordError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return RecordError(f"{place}: field '{name}' is {shown}; it must be {expected}")


def _version_fault(place: str, version: object) -> RecordError:
    if version is None:
        return RecordError(
            f'{place}: field \'v\' is missing; give every exchange "v": "{VERSION}", or read another gateway\'s log '
            "with `stillhouse guard ingest`"
        )
    return RecordError(f"{place}: version (`v`) is {version!r}; this reader knows {VERSION}, so write the log as that")


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
