"""Which path is which API, found by looking it up.

Paths are known with and without `/v1`, since clients differ in what they take for the base URL. What an upstream is
asked is the path without it, because its own base URL has it.
"""

import re
from dataclasses import dataclass
from typing import Literal

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire.base import Wire
from stillhouse.guard.wire.chat import Chat
from stillhouse.guard.wire.completions import Completions
from stillhouse.guard.wire.count_tokens import CountTokens
from stillhouse.guard.wire.embeddings import Embeddings
from stillhouse.guard.wire.errors import Family
from stillhouse.guard.wire.messages import Messages
from stillhouse.guard.wire.responses import Responses

__all__ = ["ROUTES", "Operation", "Route", "family_of", "find_route", "methods_of"]

Operation = Literal["ask", "retrieve", "delete", "cancel", "input_items", "models", "model"]


@dataclass(frozen=True, slots=True)
class Route:
    """What a request wants.

    `ask` is a question with a body that names a model. `models` and `model` the gateway answers itself, and `wire` is
    None. The others are about a response that an upstream keeps: `id` is its id (or the model's name), and there is no
    body that names a model. `path` is what follows an upstream's base URL.
    """

    operation: Operation
    wire: Wire | None
    path: str
    id: str | None = None


_RESPONSES = Responses()
_ASKED: dict[str, Wire] = {
    "/chat/completions": Chat(),
    "/responses": _RESPONSES,
    "/completions": Completions(),
    "/embeddings": Embeddings(),
    "/messages": Messages(),
    "/messages/count_tokens": CountTokens(),
}
ROUTES: dict[str, dict[str, Route]] = {
    prefix + path: methods
    for path, methods in (
        *((path, {"POST": Route("ask", wire, path)}) for path, wire in _ASKED.items()),
        ("/models", {"GET": Route("models", None, "/models")}),
    )
    for prefix in ("/v1", "")
}
"""Path -> method -> route, for all paths that hold no id."""

# What may follow /responses/{id}, and the methods that are known there.
_KEPT: dict[str, dict[str, Operation]] = {
    "": {"GET": "retrieve", "DELETE": "delete"},
    "/cancel": {"POST": "cancel"},
    "/input_items": {"GET": "input_items"},
}
# An id is put into a path again: one segment, and never `..`. Two words that stand there are APIs that we do not offer.
_KEPT_PATH = re.compile(
    r"/responses/(?!compact$|input_tokens$)([A-Za-z0-9][A-Za-z0-9_.~=-]{0,1023})(|/cancel|/input_items)"
)
_MODEL_PATH = re.compile(r"/models/(.{1,256})")


def find_route(method: str, path: str) -> Route:
    """The route of a request; `path` is decoded and has no query.

    Raises Refusal(not_found) for an unknown path, Refusal(method) for a known one that is asked otherwise: its message
    has the methods, and `methods_of` for the header `Allow`.
    """
    methods = ROUTES.get(path)
    route = methods.get(method) if methods is not None else _find(method, path)
    if route is not None:
        return route
    known = methods_of(path)
    if not known:
        raise Refusal(
            "not_found", "path.unknown", "No such path; the base URL is this server's address with /v1 behind it."
        )
    raise Refusal("method", "path.method", f"This path takes only {' and '.join(known)}.")


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that a path takes; none where it is unknown."""
    methods = ROUTES.get(path)
    if methods is not None:
        return tuple(methods)
    below = path.removeprefix("/v1")
    kept = _KEPT_PATH.fullmatch(below)
    if kept is not None:
        return tuple(_KEPT[kept[2]])
    return ("GET",) if _MODEL_PATH.fullmatch(below) else ()


def family_of(path: str, anthropic_version: bool) -> Family:
    """Whose errors a client understands, also where there is no route; the flag says if it sent that header."""
    methods = ROUTES.get(path)
    if methods is not None:
        wire = next(iter(methods.values())).wire
        if wire is not None:
            return wire.family
    return "anthropic" if anthropic_version or path.startswith(("/v1/messages", "/messages")) else "openai"


def _find(method: str, path: str) -> Route | None:
    """A route whose path holds an id."""
    below = path.removeprefix("/v1")
    kept = _KEPT_PATH.fullmatch(below)
    if kept is not None:
        operation = _KEPT[kept[2]].get(method)
        return None if operation is None else Route(operation, _RESPONSES, below, kept[1])
    model = _MODEL_PATH.fullmatch(below)
    if model is not None and method == "GET":
        return Route("model", None, below, model[1])
    return None
