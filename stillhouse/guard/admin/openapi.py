"""The description of the API (OpenAPI 3.1), made from the same operations as the routes."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stillhouse import __version__
from stillhouse.guard.admin.answers import FaultShown
from stillhouse.guard.admin.operation import Operation

__all__ = ["openapi"]

_MEANINGS = {
    400: "No JSON",
    401: "No token, or another",
    403: "From a web page, or by another name",
    404: "There is no such thing",
    409: "What is there does not allow it",
    413: "Longer than 1 MiB",
    415: "Not application/json",
    422: "A value that cannot be meant; nothing was changed",
    500: "A fault of the house",
    503: "The database does not answer",
}
_EVERYWHERE = (401, 403, 422, 500, 503)
_WITH_BODY = (400, 413, 415)
_ACTOR = {
    "name": "stillhouse-actor",
    "in": "header",
    "description": "who does it, for the ledger; `admin` where it is left out",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,126}[!-~])?$"},
}


def openapi(operations: Sequence[Operation], *, token: bool) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [(FaultShown, "serialization")]
    for one in operations:
        wanted.append((one.answer, "serialization"))
        if one.body is not None:
            wanted.append((one.body, "validation"))
    references, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, references)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Stillhouse guard: administration", "version": __version__},
        "paths": paths,
        "components": {"schemas": definitions["$defs"]},
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _described(one: Operation, references: Any) -> dict[str, Any]:
    shown = {"application/json": {"schema": references[one.answer, "serialization"]}}
    told = {"application/json": {"schema": references[FaultShown, "serialization"]}}
    statuses = sorted({*_EVERYWHERE, *one.faults, *(_WITH_BODY if one.body else ()), *((400,) if one.writes else ())})
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [*_in_path(one), *_in_query(one), *([_ACTOR] if one.writes else [])],
        "responses": {
            str(one.status): {"description": "Done", "content": shown},
            **{str(status): {"description": _MEANINGS[status], "content": told} for status in statuses},
        },
    }
    if one.body is not None:
        body = {"application/json": {"schema": references[one.body, "validation"]}}
        described["requestBody"] = {"content": body, "required": one.body_needed}
    return described


def _in_path(one: Operation) -> list[dict[str, Any]]:
    schemas = {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$"},
        "sequence": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
    }
    names = re.findall(r"{(\w+)}", one.path)
    return [{"name": name, "in": "path", "required": True, "schema": schemas[name]} for name in names]


def _in_query(one: Operation) -> list[dict[str, Any]]:
    properties = one.query.model_json_schema().get("properties", {})
    found = []
    for name, schema in properties.items():
        # A parameter that is left out is how a query says null.
        schema = next((part for part in schema.get("anyOf", []) if part.get("type") != "null"), schema)
        found.append({"name": name, "in": "query", "schema": schema})
    return found
