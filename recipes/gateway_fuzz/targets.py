"""What is driven in process: the gateway's own path for a request, a stream and an answer, without the network.

Each target does with its bytes what `stillhouse.guard.gateway` does with them, in that order, and what must hold
afterwards is checked. Only a Refusal may come out.
"""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from stillhouse.guard.blobs.chat import ChatPlaces
from stillhouse.guard.blobs.messages import MessagesPlaces
from stillhouse.guard.blobs.places import Places
from stillhouse.guard.blobs.responses import ResponsesPlaces
from stillhouse.guard.blobs.sealer import Sealer
from stillhouse.guard.gateway.answer_json import for_the_log, json_object
from stillhouse.guard.gateway.body import parse_body
from stillhouse.guard.gateway.estimate import estimated_usage
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.line import LineMaker
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.policy import apply
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Policy
from stillhouse.guard.wire.base import AnswerEdit, Assembled, Wire
from stillhouse.guard.wire.chat import Chat
from stillhouse.guard.wire.completions import Completions
from stillhouse.guard.wire.count_tokens import CountTokens
from stillhouse.guard.wire.embeddings import Embeddings
from stillhouse.guard.wire.messages import Messages
from stillhouse.guard.wire.odd_json import read_json, write_json
from stillhouse.guard.wire.reasoning import reasoning_edit
from stillhouse.guard.wire.responses import Responses
from stillhouse.guard.wire.sse import EditedStream
from stillhouse.records.exchange import exchange_from_record
from stillhouse.records.files import decode_line
from stillhouse.types import Api
from tests.guard.blobs.playing import ring

__all__ = ["ACCOUNT", "KEYRING", "TARGETS", "Broken", "Target"]

ACCOUNT = "alice"
KEYRING = ring()
_SEALER = Sealer(KEYRING)
_DEPTH = 128
_WIRES: dict[str, Wire] = {
    "chat.completions": Chat(),
    "completions": Completions(),
    "embeddings": Embeddings(),
    "messages": Messages(),
    "count_tokens": CountTokens(),
    "responses": Responses(),
}
_PLACES: dict[str, Places] = {
    "chat.completions": ChatPlaces(),
    "messages": MessagesPlaces(),
    "responses": ResponsesPlaces(),
}
_POLICIES = (
    Policy(),
    Policy(logprobs="strip", seed="strip", logit_bias="strip", reasoning="strip"),
    Policy(logprobs="refuse", seed="refuse", logit_bias="refuse", max_n=2),
    Policy(max_top_logprobs=3, logprobs_with_logit_bias="strip"),
)
_SECRET = b"sixteen bytes or more"
_LINES = [LineMaker(Privacy("full", None)), *(LineMaker(Privacy(level, _SECRET)) for level in ("scaffold", "none"))]
_BREAK = re.compile(rb"\r\n|\n|\r")


class Broken(Exception):
    """Something that had to hold did not."""


Target = Callable[[str, int, int, bytes], None]
"""Format, options (which policy, which edits), a seed for what else is drawn, and the input."""


def request(name: str, options: int, seed: int, data: bytes) -> None:
    """As `Admitting.admit` does it: parse, ask, close, open, name the upstream's model, write again."""
    wire = _WIRES[name]
    body = parse_body(data, _DEPTH)
    sent = orjson.dumps(body)
    asked = wire.asked(body)
    policy = _POLICIES[options % len(_POLICIES)]
    apply(policy, wire, body)
    if policy.logprobs == "strip" and any(body.get(field) for field in ("logprobs", "top_logprobs", "n_probs")):
        raise Broken("logprobs are still asked for")
    api: Api = wire.api or "messages"
    _SEALER.answer_edit(api, body, ACCOUNT)
    _SEALER.open_request(api, body, ACCOUNT)
    body["model"] = "inner"
    if read_json(write_json(body)) != body:
        raise Broken("what is forwarded is not what was checked")
    _logged(wire, asked.model, sent, None)


def stream(name: str, options: int, seed: int, data: bytes) -> None:
    """As `_relay_stream` does it, cut anywhere; whatever the cuts, a client gets the same events."""
    wire = _WIRES[name]
    rng = random.Random(seed)
    places = sorted(rng.randint(0, len(data)) for _ in range(rng.choice((0, 1, 3, 10))))
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    # Who asks after each piece whether that was the end is given a last event that only looks whole: then cuts count.
    asks = bool(seed & 1)
    cut, refused = _relayed(wire, options, pieces, asks)
    whole, refused_whole = _relayed(wire, options, [data], False)
    if (refused and refused.rule) != (refused_whole and refused_whole.rule):
        raise Broken("cutting decides whether a stream is refused")
    if refused is None:
        if cut[1] != whole[1] and not asks:
            raise Broken(f"cutting changes what is assembled: {cut[1]} / {whole[1]}"[:2000])
        if _events(cut[0]) != _events(whole[0]):
            raise Broken("cutting changes a client's events")
        _check_sealed(name, options, whole[0])
    else:
        wire.error_event(refused, "req")
    _logged(wire, "served", b"{}", cut[1].body)
    if refused is not None:
        raise refused


def _relayed(
    wire: Wire, options: int, pieces: Sequence[bytes], asks: bool
) -> tuple[tuple[bytes, Assembled], Refusal | None]:
    edits = _edits(wire, options)
    edited = EditedStream(edits) if edits else None
    assembler = wire.assembler()
    out: list[bytes] = []
    refused: Refusal | None = None
    try:
        for piece in pieces:
            sent = piece if edited is None else edited.feed(piece)
            assembler.feed(sent)
            if asks and assembler.complete:
                assembler.result()
            out.append(sent)
        rest = b"" if edited is None else edited.close()
        assembler.feed(rest)
        out.append(rest)
    except Refusal as refusal:
        refused = refusal
    result = assembler.result()
    estimated_usage(result.body)
    return (b"".join(out), result), refused


def answer(name: str, options: int, seed: int, data: bytes) -> None:
    """As `_relay_body` does it."""
    wire = _WIRES[name]
    body = json_object(data)
    if body is None:
        raise Refusal("upstream", "upstream.malformed", "no JSON object")
    usage = wire.usage(body)
    if any(type(count) is not int or count < 0 for count in usage.values()):
        raise Broken(f"usage is {usage}")
    edits = _edits(wire, options)
    for edit in edits:
        edit.edit_body(body)
    estimated_usage(body)
    _logged(wire, "served", b"{}", for_the_log(orjson.dumps(body) if edits else data, body))


def again(name: str, options: int, seed: int, data: bytes) -> None:
    """An answer goes out sealed and comes back as history: to its account whole, to another not at all."""
    places = _PLACES[name]
    api: Api = name  # type: ignore[assignment]
    body = json_object(data)
    if body is None:
        raise Refusal("upstream", "upstream.malformed", "no JSON object")
    asked: dict[str, Any] = {"messages": [], "input": [{"role": "user", "content": f"question {options}"}]}
    asked["messages"] = asked["input"]
    try:
        before = orjson.dumps(_history(name, asked, body))
    except orjson.JSONEncodeError:
        return  # no client could send it back
    edit = _SEALER.answer_edit(api, asked, ACCOUNT)
    assert edit is not None
    edit.edit_body(body)
    sent = orjson.dumps(_history(name, asked, body))
    back = parse_body(sent, _DEPTH)
    opened = _SEALER.open_request(api, back, ACCOUNT)
    if opened and name != "responses" and orjson.loads(before) != back:
        raise Broken("a history does not come back as it was")
    orjson.dumps(back)
    if any(True for entry in places.history(orjson.loads(before)) for _ in places.in_entry(entry)):
        stolen = orjson.loads(sent)
        try:
            _SEALER.open_request(api, stolen, "mallory")
        except Refusal:
            return
        if name != "responses":  # there an id that its entry can do without is left out
            raise Broken("another account may use a blob")


def _history(name: str, asked: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    if name == "messages":
        return {"messages": [*asked["messages"], {"role": "assistant", "content": body.get("content")}]}
    if name == "responses":
        output = body.get("output")
        return {"input": [*asked["input"], *(output if isinstance(output, list) else ())]}
    choices = body.get("choices")
    said = (
        [choice.get("message") for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    )
    return {"messages": [*asked["messages"], *said]}


def _edits(wire: Wire, options: int) -> list[AnswerEdit]:
    """Those that a plan and sealing ask for: none, stripping, sealing, both."""
    edits: list[AnswerEdit] = []
    if options & 1:
        strip = reasoning_edit(wire)
        edits += [] if strip is None else [strip]
    if options & 2:
        sealing = _SEALER.answer_edit(wire.api or "messages", {"messages": [{"role": "user", "content": "a"}]}, ACCOUNT)
        edits += [] if sealing is None else [sealing]
    return edits


def _events(stream: bytes) -> list[tuple[bytes, ...]]:
    """Events as a client reads them line by line, without comments (WHATWG HTML, section 9.2.6)."""
    found: list[tuple[bytes, ...]] = []
    lines: list[bytes] = []
    for line in _BREAK.split(stream.removeprefix(b"\xef\xbb\xbf")):
        if line:
            lines.append(line)
        else:
            found += [tuple(lines)] if any(not one.startswith(b":") for one in lines) else []
            lines = []
    return found


def _check_sealed(name: str, options: int, out: bytes) -> None:
    """No blob leaves as it came, where it stands under its own name."""
    places = _PLACES.get(name)
    if places is None or not options & 2:
        return
    for lines in _events(out):
        data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:") or line == b"data"]
        try:
            event = json.loads(b"\n".join(data))
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and any(marker in one for marker in places.markers for one in lines):
            for slot in places.in_event(event):
                if not (slot.text.startswith("shb1.") or "shb1_" in slot.text):
                    raise Broken(f"went out unsealed: {slot.key} {slot.text[:60]}")


def _logged(wire: Wire, model: str, sent: bytes, got: bytes | Mapping[str, Any] | None) -> None:
    """What the log makes of it can be read back, at every level of privacy."""
    for lines in _LINES:
        draft = Draft(
            id="ex_1", time=1.8e9, account=ACCOUNT, model=model, api=wire.api or "messages", request=sent, response=got
        )
        line = lines.line(draft)
        if line.count(b"\n") != 1:
            raise Broken("a line of the log is not one line")
        exchange_from_record(decode_line(line, "log:1"), "log:1")


TARGETS: tuple[tuple[str, str, Target], ...] = (
    *(("request", name, request) for name in _WIRES),
    *(("stream", name, stream) for name in _WIRES),
    *(("answer", name, answer) for name in _WIRES),
    *(("again", name, again) for name in _PLACES),
)
"""What is done, in which format, and the function that does it."""
