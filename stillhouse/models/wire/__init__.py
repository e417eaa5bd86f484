"""The four wire formats in which a served model can be asked, one file each."""

from stillhouse.models.wire.base import FailedAnswer, MalformedAnswer, TokenLogprob, Wire
from stillhouse.models.wire.chat import ChatCompletions
from stillhouse.models.wire.completions import Completions
from stillhouse.models.wire.messages import Messages
from stillhouse.models.wire.responses import Responses

__all__ = [
    "WIRES",
    "ChatCompletions",
    "Completions",
    "FailedAnswer",
    "MalformedAnswer",
    "Messages",
    "Responses",
    "TokenLogprob",
    "Wire",
]

WIRES: dict[str, Wire] = {wire.api: wire for wire in (ChatCompletions(), Completions(), Responses(), Messages())}
