"""The wire formats that the gateway understands, one file each, and which path speaks which."""

from stillhouse.guard.wire.base import AnswerEdit, Asked, Assembled, Assembler, Wire
from stillhouse.guard.wire.chat import Chat
from stillhouse.guard.wire.completions import Completions
from stillhouse.guard.wire.count_tokens import CountTokens
from stillhouse.guard.wire.embeddings import Embeddings
from stillhouse.guard.wire.errors import Family, error_body, error_event
from stillhouse.guard.wire.messages import Messages
from stillhouse.guard.wire.models import ModelList
from stillhouse.guard.wire.reasoning import reasoning_edit
from stillhouse.guard.wire.responses import Responses
from stillhouse.guard.wire.routes import ROUTES, Operation, Route, family_of, find_route, methods_of
from stillhouse.guard.wire.sse import EditedStream

__all__ = [
    "ROUTES",
    "AnswerEdit",
    "Asked",
    "Assembled",
    "Assembler",
    "Chat",
    "Completions",
    "CountTokens",
    "EditedStream",
    "Embeddings",
    "Family",
    "Messages",
    "ModelList",
    "Operation",
    "Responses",
    "Route",
    "Wire",
    "error_body",
    "error_event",
    "family_of",
    "find_route",
    "methods_of",
    "reasoning_edit",
]
