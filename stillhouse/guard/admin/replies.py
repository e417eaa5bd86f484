"""Answers as JSON; faults all in one form: `{"error": {"message": ..., "code": ...}}`, the message one line."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from stillhouse.config import Settings
from stillhouse.errors import ConfigError, RecordError, StillhouseError
from stillhouse.guard.access.faults import ConflictError, UnknownError
from stillhouse.guard.state.database import database_fault

__all__ = ["Refused", "fault", "fault_of", "reply"]


class Refused(Exception):
    """A request that is wrong before any of the house's functions has seen it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def reply(value: Settings | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Not to be kept by anyone in between: a secret may be in it."""
    content = value.model_dump(mode="json") if isinstance(value, Settings) else value
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(orjson.dumps(content), status, kept, media_type="application/json")


def fault(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return reply({"error": {"message": message, "code": code}}, status, headers)


def fault_of(error: StillhouseError | SQLAlchemyError | OSError | Refused) -> Response:
    """The answer to an error on purpose: of the request 4xx, of the house 5xx."""
    if isinstance(error, Refused):
        return fault(error.status, error.code, error.message)
    if isinstance(error, UnknownError):
        return fault(404, "unknown", str(error))
    if isinstance(error, ConflictError):
        return fault(409, "conflict", str(error))
    if isinstance(error, ConfigError):
        return fault(422, "invalid", str(error))
    if isinstance(error, RecordError):
        return fault(500, "record", str(error))
    if isinstance(error, StillhouseError):
        return fault(500, "storage", str(error))
    return fault(503, "database", f"database: {database_fault(error)}")
