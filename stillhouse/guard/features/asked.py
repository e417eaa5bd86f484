"""What a request says, whatever API it came by: the instructions, the newest turn, and the shape around them.

A conversation is sent again with every turn. Whatever compares requests has to look at what is new in each, or every
conversation would look like one prompt repeated.

The client writes the body, so a hash counts only where a log has one, beside content that is null, and only a handful.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from stillhouse.types import Exchange

__all__ = ["NEEDS", "Asked", "asked"]

NEEDS = ("request",)

_INSTRUCTING = frozenset(("system", "developer"))
_ANSWERING = frozenset(("assistant", "model"))
# Where each is, and its hash where it was withheld.
_INSTRUCTIONS = (("instructions", "instructions_scaffold"), ("system", "system_scaffold"))
_INPUT = ("input", "input_scaffold")
_MESSAGES = ("messages", "messages_scaffold")
_TURNS = {"responses": _INPUT, "embeddings": _INPUT, "completions": ("prompt", "prompt_scaffold")}
_CONTENT = ("text", "content", "output")
_SCAFFOLDS = ("scaffold", "output_scaffold")
_DEEPEST = 32
_LONGEST_HASH = 128
_MOST_HASHES = 4


class Asked(NamedTuple):
    """`system` holds the instructions, `newest` the last turn that is no answer (a tool's result too).

    `turns` counts what is no answer and no instruction; `answered` says whether earlier answers are carried along.
    `scaffolds` are hashes of wordings that stand in the place of withheld content: the first four of the instructions,
    and of the newest turn.
    """

    system: str
    newest: str
    turns: int
    answered: bool
    tools: tuple[str, ...]
    scaffolds: tuple[str, ...]

    @property
    def says(self) -> bool:
        """Whether there is anything to read, or hashes of what there was."""
        return bool(self.newest or self.system or self.scaffolds)


def asked(exchange: Exchange) -> Asked:
    """Never raises: what has not the form that its API says is passed over."""
    request = exchange.request
    system: list[str] = []
    instructing: list[str] = []
    for name, withheld in _INSTRUCTIONS:
        if request.get(name) is not None:
            system.append(_text(request[name], instructing))
        elif withheld in request:
            _withheld(request, withheld, instructing)
    turns, answered = 0, False
    last: Any = ""
    for turn in _turns(exchange.api, request):
        role = _role(turn)
        if role in _INSTRUCTING:
            system.append(_text(turn, instructing))
        elif role in _ANSWERING:
            answered = True
        elif role is not None:
            turns += 1
            last = turn
    asking: list[str] = []
    newest = _text(last, asking)
    return Asked(
        system="\n".join([part for part in system if part]),
        newest=newest,
        turns=turns,
        answered=answered,
        tools=_tools(request.get("tools")),
        scaffolds=tuple(dict.fromkeys((*_first(instructing), *_first(asking)))),
    )


def _turns(api: str, request: Mapping[str, Any]) -> Sequence[Any]:
    """What is said, in the order of the conversation."""
    name, withheld = _TURNS.get(api, _MESSAGES)
    turns = request.get(name)
    if isinstance(turns, str):
        return (turns,)
    if turns is None and isinstance(request.get(withheld), str):
        return ({"role": "user", "scaffold": request[withheld]},)
    return turns if isinstance(turns, list) else ()


def _role(turn: Any) -> str | None:
    """Who says it; None of what is no turn."""
    if isinstance(turn, dict):
        role = turn.get("role")
        if isinstance(role, str):
            return role
        # An item of the Responses API: a tool's result is news to the model, its call is the model's own.
        # Without a type it stands for a text of a list that was withheld.
        kind = turn.get("type")
        return "tool" if kind is None or (isinstance(kind, str) and kind.endswith("_output")) else "assistant"
    return "user" if isinstance(turn, str) else None


def _text(value: Any, scaffolds: list[str], depth: int = _DEEPEST) -> str:
    """What lies deeper than any API puts text is passed over."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, dict):
        for name in _CONTENT:
            inner = value.get(name)
            if inner is not None:
                return _text(inner, scaffolds, depth - 1)
        for name in _SCAFFOLDS:
            if name in value:
                _withheld(value, name, scaffolds)
        return ""
    if isinstance(value, list):
        return "\n".join([text for part in value if (text := _text(part, scaffolds, depth - 1))])
    return ""


def _withheld(value: Mapping[str, Any], name: str, scaffolds: list[str]) -> None:
    found = value.get(name)
    if isinstance(found, str) and len(found) <= _LONGEST_HASH:
        scaffolds.append(found)


def _first(scaffolds: Sequence[str]) -> Iterable[str]:
    """Each once."""
    return islice(dict.fromkeys(scaffolds), _MOST_HASHES)


def _tools(value: Any) -> tuple[str, ...]:
    """Names of the tools that are offered, sorted."""
    if not isinstance(value, list):
        return ()
    found = set()
    for tool in value:
        if isinstance(tool, dict):
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else tool.get("name")
            kind = name if isinstance(name, str) else tool.get("type")
            found.add(kind if isinstance(kind, str) else "None")
    return tuple(sorted(found))
