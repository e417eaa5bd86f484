"""Does an account go on with its own conversations? Whoever spreads one over a pool, or resells access, does not.

A request that carries earlier answers carries what was answered to whoever began the conversation. So the last answer
that it carries is looked for among the last answers that this service gave to this account, by checksums; and what
an account goes on with within minutes is in the prefix cache, if it is where it should be. It proves nothing by
itself: an answer that was edited, or given before the log began, is not found either. People behind a relay that
routes each request anywhere are seen here, and a decision says so (`detect/elsewhere.py`).
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stillhouse.types import Exchange

__all__ = ["NEEDS", "REMEMBERED", "Continuity", "carried", "elsewhere", "given"]

NEEDS = ("request", "response", "usage.cached_input_tokens")

_ANSWERING = ("assistant", "model")
_CALLING = ("tool_use", "function", "function_call")
_LOOKED_AT = 256  # characters of an answer
REMEMBERED = 16  # answers


class Continuity:
    """Counts of one account. `carried` requests go on with a conversation whose answers are known, `own` of them with
    an answer that the account was given, `cached` of those from the prefix cache."""

    __slots__ = ("_answers", "_place", "cached", "carried", "own")

    def __init__(self) -> None:
        self.carried = self.own = self.cached = 0
        self._answers: array[int] | None = None
        self._place = 0

    def look(self, carried: int, is_cached: bool) -> None:
        """At a request, before its answer is noted: a checksum of the last answer that it carries, 0 for none."""
        # Before the first answer that was kept nothing can be found, and the log may have none at all.
        if carried and self._answers is not None:
            self.carried += 1
            if carried in self._answers:
                self.own += 1
                self.cached += is_cached

    def note(self, given: int) -> None:
        """A checksum of the answer to a request, 0 for none."""
        if given:
            if self._answers is None:
                self._answers = array("I", bytes(4 * REMEMBERED))
            self._answers[self._place] = given
            self._place = (self._place + 1) % REMEMBERED


def elsewhere(counts: Iterable[Continuity]) -> float | None:
    """The share, of their requests that go on with a conversation, that do so with an answer which the account was not
    given lately. None where none goes on."""
    own = carried = 0
    for one in counts:
        own, carried = own + one.own, carried + one.carried
    return 1 - own / carried if carried else None


def carried(exchange: Exchange) -> str:
    """The beginning of the last earlier answer that a request carries; empty where it carries none."""
    turns = exchange.request.get("input" if exchange.api == "responses" else "messages")
    if isinstance(turns, list):
        for turn in reversed(turns):
            if isinstance(turn, dict) and (turn.get("role") in _ANSWERING or turn.get("type") == "function_call"):
                return _said(turn)
    return ""


def given(exchange: Exchange) -> str:
    """The beginning of the answer as the next request would carry it; empty where there is none, or it was withheld."""
    response, api = exchange.response, exchange.api
    if response is None:
        return ""
    if api == "messages":
        return _said(response)
    if api == "responses":
        output = response.get("output")
        items = [one for one in output if isinstance(one, dict)] if isinstance(output, list) else []
        return next((said for item in reversed(items) if (said := _said(item))), "")
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return _said(message) if isinstance(message, dict) else ""


def _said(turn: Mapping[str, Any]) -> str:
    """An answer's text, or where it has none the id of the tool call that it makes: the same however it is written."""
    content = turn.get("content")
    parts: Sequence[Any]
    if isinstance(content, str):
        found, parts = content, ()
    else:
        parts = content if isinstance(content, list) else ()
        found = "".join(
            [text for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str)]
        )
    if not found:
        calls = turn.get("tool_calls")
        several = [turn, *parts, *calls] if isinstance(calls, list) else [turn, *parts]
        found = next((id for one in several if (id := _call(one))), "")
    return found.lstrip()[:_LOOKED_AT].rstrip()


def _call(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") in _CALLING:
        id = part.get("call_id") or part.get("id")
        return id if isinstance(id, str) else ""
    return ""
