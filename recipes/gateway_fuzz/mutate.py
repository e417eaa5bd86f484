"""Structure-aware mutation: JSON at its values and fields, streams at their events, and both at their bytes.

All of it is drawn from one generator that is given, so an input can be made again from its number.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from recipes.gateway_fuzz.seeds import NAMES, Sealed

__all__ = ["mutated_bytes", "mutated_json", "mutated_stream", "plain"]

_DEPTHS = (60, 127, 128, 129, 200, 240, 250, 251, 252, 253, 254, 256, 300, 990, 1000, 1020, 1023, 1024, 3000)
# What no serialiser writes: tokens that stand in the text as they are.
_TOKENS = (
    *("1e999", "-1e999", "1e-999", "-0", "0.0", "1E2", "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1."),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775809", "9007199254740993", "2147483648"),
    *("9" * 300, "9" * 400, "9" * 5000, "1" + "0" * 30),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d"', '"\\ude00"', '"\\u0000"', '"\\x41"', '"\u2028"', '"a\nb"', '"\\'),
    *("undefined", "tru", "{", "}", "[", "]", ",", "", "//", '{"a":1,}', '"a" "b"', "'a'"),
)
_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 128, 129, 2**31 - 1, 2**31, 2**53, 1.5, -0.0, 1e300, "", "0", "true"),
    *("user", "assistant", "system", "tool", "developer", "thinking", "redacted_thinking", "reasoning", "message"),
    *("reasoning.encrypted", "reasoning.encrypted_content", "compaction", "agent_message", "tool_result"),
    *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "error", "ping"),
    *("response.created", "response.completed", "response.failed", "response.output_item.added", "thinking_delta"),
    *("response.output_text.delta", "signature_delta", "citations_delta", "input_json_delta", "item_reference"),
    *("served", "inner", "other", "nobody", "\x00", "\ud800", "\u00e4\u20ac\U0001f44b", "a" * 5000, "rs_1", "[DONE]"),
    *([], {}, [[]], [{}], [None], [""], {"": None}, {"type": []}, {"role": {}}, {"a": {"b": {"c": []}}}),
)
_MARK = re.compile(r'"@@(\d+)@@"')
_TWIN = re.compile(r'"@@twin \d+ (.*?)"(?=:)')


def mutated_json(value: Any, rng: random.Random, sealed: Sealed) -> bytes:
    """A JSON value after one to six changes, as bytes; sometimes no longer JSON. `value` stays as it is."""
    root = [json.loads(json.dumps(value))]
    tokens: list[str] = []
    for _ in range(_few(rng)):
        holder, key = rng.choice(_places(root))
        _CHANGES[rng.randrange(len(_CHANGES))](holder, key, root, rng, sealed, tokens)
    return _written(root[0] if root else None, tokens, rng, sealed)


def plain(value: Any, rng: random.Random, sealed: Sealed) -> bytes:
    """The value as a client would send it, with seals that fit."""
    return sealed.fill(json.dumps(value, ensure_ascii=rng.random() < 0.5), rng).encode("utf-8", "surrogatepass")


def _few(rng: random.Random) -> int:
    count = 1
    while count < 6 and rng.random() < 0.4:
        count += 1
    return count


def _places(root: list[Any]) -> list[tuple[Any, Any]]:
    """Every (container, key) below the root, and the root itself."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [root]
    while waiting and len(found) < 5000:
        node = waiting.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    return found or [(root, 0)]


_Change = Callable[[Any, Any, list[Any], random.Random, Sealed, list[str]], None]


def _drop(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    if holder is not root:
        del holder[key]


def _replace(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    holder[key] = json.loads(json.dumps(rng.choice(_SCALARS)))


def _token(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    tokens.append(rng.choice(_TOKENS))
    holder[key] = f"@@{len(tokens) - 1}@@"


def _deep(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    depth = rng.choice(_DEPTHS)
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}"), ('{"content":', "}"), ('[{"index":0,"x":', "}]")))
    depth //= opening.count("[") + opening.count("{")
    tokens.append(opening * depth + rng.choice(("1", "[]", "{}", "NaN", '"\\ud800"')) + closing * depth)
    holder[key] = f"@@{len(tokens) - 1}@@"


def _copy(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    other, at = rng.choice(_places(root))
    text = json.dumps(other[at])
    if len(text) < 50_000:
        holder[key] = json.loads(text)


def _wrap(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    holder[key] = [holder[key]] if rng.random() < 0.5 else {rng.choice(NAMES): holder[key]}


def _twin(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    """The same name twice in an object, or an entry again in a list."""
    if isinstance(holder, dict):
        holder[f"@@twin {len(holder)} {key}"] = rng.choice((holder[key], *_SCALARS))
    elif holder is not root:
        holder[key:key] = [holder[key]] * rng.choice((1, 1, 2, 20))


def _insert(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    value = holder[key]
    if isinstance(value, dict):
        value[rng.choice(NAMES)] = json.loads(json.dumps(rng.choice(_SCALARS)))
    elif isinstance(value, list):
        value.insert(rng.randint(0, len(value)), json.loads(json.dumps(rng.choice(_SCALARS))))
    else:
        holder[key] = f"SEALED {rng.choice(('signature', 'data', 'encrypted_content', 'id', 'odd'))}"


def _shuffle(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    value = holder[key]
    if isinstance(value, list):
        rng.shuffle(value)
    elif isinstance(value, str):
        at = rng.randint(0, len(value))
        holder[key] = (
            value[:at] + rng.choice(("\ud83d", "\x00", '"', "\\", "\n\ndata: x", "a" * 2000, "")) + value[at + 1 :]
        )
    elif isinstance(value, int) and abs(value) < 10**30:
        holder[key] = rng.choice((-value, value + 1, value * 10**6, value / 3, str(value), bool(value)))


def _rename(holder: Any, key: Any, root: list[Any], rng: random.Random, sealed: Sealed, tokens: list[str]) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(NAMES)] = holder.pop(key)


_CHANGES: tuple[_Change, ...] = (
    *(_drop, _replace, _replace, _token, _deep, _copy, _wrap, _twin, _insert, _insert, _shuffle, _rename),
)


def _written(value: Any, tokens: Sequence[str], rng: random.Random, sealed: Sealed) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, separators=(",", ":") if rng.random() < 0.5 else None)
    text = sealed.fill(text, rng)
    if "@@" in text:
        text = _TWIN.sub(lambda found: f'"{found[1]}"', text)
        text = _MARK.sub(lambda found: tokens[int(found[1])] if int(found[1]) < len(tokens) else found[0], text)
    return text.encode("utf-8", "surrogatepass")


_PIECES = (
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b","),
    *(b":", b"data: ", b"event: error\n", b": ping\n\n", b"data: [DONE]\n\n", b"\xed\xa0\x80", b"\xc0\x80"),
)


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a few of them gone, changed, doubled or put in."""
    for _ in range(_few(rng)):
        at = rng.randint(0, len(data))
        length = rng.choice((0, 1, 1, 2, 4, 16, 200))
        match rng.randrange(4):
            case 0:
                data = data[:at] + data[at + max(1, length) :]
            case 1:
                data = data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
            case 2:
                data = data[:at] + data[at : at + length] + data[at:]
            case _:
                data = data[:at] + rng.choice(_PIECES) + data[at + rng.choice((0, 0, 1)) :]
    return data


_EVENTS = (
    *(b": a comment", b"data", b"data:", b"event: error", b"id: 1\nretry: 5", b"data: [DONE]", b"data: [DONE] ", b""),
    *(b'data: {"error":{"message":"m","code":7}}', b'data: {"type":"error","error":"reasoning"}', b"data: null"),
    *(b'data: {"choices":[{"message":[],"index":0}]}', b'data: {"choices":[{"text":["a"],"logprobs":[]}]}'),
    *(
        b'data: {"type":"content_block_delta","index":0,"delta":{"partial_json":"'
        + b"[" * depth
        + b"]" * closed
        + b'"}}'
        for depth, closed in ((400, 0), (300, 300), (250, 0), (240, 240), (1010, 1010))
    ),
    *(b'data: {"thinking":\ndata: "signature"}', b'data: {"a":"\\ud83d","usage":{"prompt_tokens":1e999}}'),
)


def mutated_stream(stream: bytes, rng: random.Random, sealed: Sealed) -> bytes:
    """A stream with one to six changes to its events, or its bytes."""
    events = stream.replace(b"\r\n", b"\n").split(b"\n\n")
    for _ in range(_few(rng)):
        at = rng.randrange(len(events))
        choice = rng.randrange(10)
        if choice < 4:
            events[at] = _changed_event(events[at], rng, sealed)
        elif choice == 4:
            del events[at]
            events = events or [b""]
        elif choice == 5:
            events.insert(rng.randint(0, len(events)), events[at])
        elif choice == 6:
            other = rng.randrange(len(events))
            events[at], events[other] = events[other], events[at]
        elif choice == 7:
            events.insert(at, rng.choice(_EVENTS))
        elif choice == 8:
            events[at] = mutated_bytes(events[at], rng)
        else:
            events = events[: at + 1]
    whole = b"\n\n".join(events)
    match rng.randrange(12):
        case 0:
            whole = whole.replace(b"\n", b"\r\n")
        case 1:
            whole = whole.replace(b"\n", b"\r")
        case 2:
            whole = b"\xef\xbb\xbf" + whole
        case 3:
            whole = mutated_bytes(whole, rng)
        case 4:
            whole = whole[: rng.randint(0, len(whole))]
    return whole


def _changed_event(event: bytes, rng: random.Random, sealed: Sealed) -> bytes:
    head, mark, data = event.partition(b"data: ")
    try:
        changed = mutated_json(json.loads(data), rng, sealed)
    except (ValueError, RecursionError):
        return mutated_bytes(event, rng)
    if rng.random() < 0.05 and b"," in changed:
        changed = changed.replace(b",", b",\ndata: ", 1)
    return head + mark + changed
