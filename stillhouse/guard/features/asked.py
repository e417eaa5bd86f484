"""What a request says, whatever API it came by: the instructions, the newest turn, and the shape around them.

A conversation is sent again with every turn. Whatever compares requests has to look at what is new in each, or every
conversation would look like one prompt repeated.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from stillhouse.types import Exchange

__all__ = ["NEEDS", "Asked", "asked"]

NEEDS = ("request",)

_INSTRUCTING = ("system", "developer")
_ANSWERING = ("assistant", "model")
_TURNS = {"responses": "input", "embeddings": "input", "completions": "prompt"}
_DEEPEST = 32


class Asked(NamedTuple):
    """`system` holds the instructions, `newest` the last turn that is no answer (a tool's result too).

    `turns` counts what is no answer and no instruction; `answered` says whether earlier answers are carried along.
    `scaffolds` are hashes of wordings that stand in the place of withheld content, of the same parts.
    """

    system: str
    newest: str
    turns: int
    answered: bool
    tools: tuple[str, ...]
    scaffolds: tuple[str, ...]


def asked(exchange: Exchange) -> Asked:
    """Never raises: what has not the form that its API says is passed over."""
    request = exchange.request
    system: list[str] = []
    scaffolds: list[str] = []
    for name in ("instructions", "system"):
        if name in request:
            system.append(_text(request[name], scaffolds))
        _withheld(request, f"{name}_scaffold", scaffolds)
    turns, answered = 0, False
    last: Any = ""
    for role, content in _turns(exchange.api, request):
        if role in _INSTRUCTING:
            system.append(_text(content, scaffolds))
        elif role in _ANSWERING:
            answered = True
        else:
            turns += 1
            last = content
    newest = _text(last, scaffolds)
    return Asked(
        system="\n".join([part for part in system if part]),
        newest=newest,
        turns=turns,
        answered=answered,
        tools=_tools(request.get("tools")),
        scaffolds=tuple(dict.fromkeys(scaffolds)),
    )


def _turns(api: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(role, what it says) in the order of the conversation."""
    name = _TURNS.get(api, "messages")
    turns = request.get(name)
    if isinstance(turns, str):
        yield "user", turns
    elif isinstance(request.get(f"{name}_scaffold"), str):
        yield "user", {"scaffold": request[f"{name}_scaffold"]}
    elif isinstance(turns, list):
        for turn in turns:
            if isinstance(turn, dict):
                role = turn.get("role")
                if not isinstance(role, str):
                    # An item of the Responses API: a tool's result is news to the model, its call is the model's own.
                    # Without a type it stands for a text of a list that was withheld.
                    kind = turn.get("type")
                    role = "tool" if kind is None or str(kind).endswith("_output") else "assistant"
                yield role, turn
            elif isinstance(turn, str):
                yield "user", turn


def _text(value: Any, scaffolds: list[str], depth: int = _DEEPEST) -> str:
    """What lies deeper than any API puts text is passed over."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, dict):
        _withheld(value, "scaffold", scaffolds)
        _withheld(value, "output_scaffold", scaffolds)
        for name in ("text", "content", "output"):
            if value.get(name) is not None:
                return _text(value[name], scaffolds, depth - 1)
        return ""
    if isinstance(value, list):
        return "\n".join([text for part in value if (text := _text(part, scaffolds, depth - 1))])
    return ""


def _withheld(value: Mapping[str, Any], name: str, scaffolds: list[str]) -> None:
    found = value.get(name)
    if isinstance(found, str):
        scaffolds.append(found)


def _tools(value: Any) -> tuple[str, ...]:
    """Names of the tools that are offered, sorted."""
    if not isinstance(value, list):
        return ()
    found = set()
    for tool in value:
        if isinstance(tool, dict):
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else tool.get("name")
            found.add(name if isinstance(name, str) else str(tool.get("type")))
    return tuple(sorted(found))
