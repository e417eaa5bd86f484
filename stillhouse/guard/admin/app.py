"""The administration's application: from a request to an operation, and from what came of it to an answer.

Whatever goes wrong is JSON with one line; a traceback is for our own log.
"""

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stillhouse.config import validate
from stillhouse.errors import ConfigError, StillhouseError
from stillhouse.guard.access.directory import Directory
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.admin.bodies import Body
from stillhouse.guard.admin.customers import customer_operations
from stillhouse.guard.admin.decisions import action_operations, ledger_operations
from stillhouse.guard.admin.door import Door
from stillhouse.guard.admin.openapi import openapi
from stillhouse.guard.admin.operation import Call, Operation
from stillhouse.guard.admin.process import process_operations
from stillhouse.guard.admin.replies import Refused, fault, fault_of, reply
from stillhouse.guard.ledger.store import Ledger

__all__ = ["admin_app"]

_log = logging.getLogger("stillhouse.guard")
_BODY_BYTES = 1 << 20
_ACTOR = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")


def admin_app(
    registry: Registry,
    directory: Directory,
    ledger: Ledger,
    token: bytes | None,
    reload: Callable[[], object],
    status: Callable[[], Mapping[str, Any]],
    *,
    hosts: Collection[str] = (),
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application. It runs in the event loop that `directory` belongs to.

    `token` is what `Authorization: Bearer` must have; None asks for none. `reload` blocks and raises ConfigError,
    `status` does not block. `hosts` are names under which this port is reached beside the loopback ones; `routes` are
    further pages behind the same door, such as metrics.
    """
    operations = [
        *customer_operations(registry),
        *action_operations(registry),
        *ledger_operations(ledger),
        *process_operations(directory, reload, status),
    ]
    described = openapi(operations, token=token is not None)

    async def describe(_request: Request) -> Response:
        return reply(described)

    return Starlette(
        routes=[
            *_routes(operations, directory, registry),
            Route("/v1/openapi.json", describe),
            *routes,
        ],
        middleware=[Middleware(Door, token=token, hosts=hosts)],
        exception_handlers={HTTPException: _no_route, Exception: _crashed},
    )


def _routes(operations: Sequence[Operation], directory: Directory, registry: Registry) -> list[Route]:
    """One route a path, so that another method is answered 405 with all that the path has."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [
        Route(path, _endpoint(methods, directory, registry), methods=list(methods)) for path, methods in paths.items()
    ]


def _endpoint(methods: Mapping[str, Operation], directory: Directory, registry: Registry) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        try:
            call = await _call(request, operation)
            if operation.inline:
                answer = operation.run(call)
            else:
                answer = await run_in_threadpool(operation.run, call)
        except (StillhouseError, SQLAlchemyError, OSError, Refused) as error:
            response = fault_of(error)
            if response.status_code >= 500:
                _log.error("administration: %s %s: %s", request.method, operation.path, _told(response))
            return response
        if operation.writes:
            # The change is made; where the database fails now, `follow` counts it and catches up.
            with suppress(SQLAlchemyError, OSError):
                await directory.update(registry.engine)
        return reply(answer, operation.status)

    return endpoint


async def _call(request: Request, operation: Operation) -> Call:
    names = [name for name, _ in request.query_params.multi_items()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"query: '{twice[:60]}' is given twice; give it once")
    query = validate(operation.query, dict(request.query_params), "query")
    actor = request.headers.get("stillhouse-actor", "admin")
    if not _ACTOR.fullmatch(actor):
        raise Refused(400, "actor", "the header stillhouse-actor is not a name of up to 128 ASCII characters")
    body = None if operation.body is None else await _body(request, operation.body, needed=operation.body_needed)
    return Call(request.path_params, query, body, actor)


async def _body(request: Request, cls: type[Body], *, needed: bool) -> Body:
    data = await _read(request)
    if not data and not needed:
        return validate(cls, {}, "body")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "media_type", "send the body as content-type: application/json")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "json", f"the body is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ConfigError(f"body: is a JSON {type(value).__name__}; give an object")
    return validate(cls, value, "body")


async def _read(request: Request) -> bytes:
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
            if len(data) > _BODY_BYTES:
                raise Refused(413, "too_large", f"the body is longer than {_BODY_BYTES:,} bytes; send it in parts")
    except ClientDisconnect:
        raise Refused(400, "gone", "the body ended early") from None
    return bytes(data)


def _told(response: Response) -> str:
    message: str = orjson.loads(response.body)["error"]["message"]
    return message


async def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return fault(405, "method", "this path does not have that method", error.headers)
    return fault(error.status_code, "path", "there is no such path; /v1/openapi.json has them all", error.headers)


async def _crashed(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again behind this answer, so the server's log has its traceback.
    return fault(500, "internal", "a fault of the gateway's own; its log has the rest")
