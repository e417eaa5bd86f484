"""How much of a body the log keeps: all of it, a keyed hash of its wording, or neither.

Below `full` the structure stays (who spoke, how long, which parameters and tools), since that is what detection works
on first, and everything that could hold a person's words goes. What may stay is listed (`fields`), never what must go.
Beside a text that was withheld stand its length in characters and, at `scaffold`, the hash of its wording:
`"content": null, "scaffold": "s1:...", "characters": 812`. The same two names go with `text`; for any other field they
carry its name, as in `"instructions_scaffold"`. A string in a list becomes an object with these.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import orjson

from stillhouse.errors import ConfigError
from stillhouse.guard.log.fields import BODY, CALLED, CALLING_PARTS, PART, Kind, Table
from stillhouse.guard.log.scaffold import scaffold, scaffold_of_json
from stillhouse.guard.log.words import WORDS

__all__ = ["Level", "Privacy"]

Level = Literal["full", "scaffold", "none"]

_SHORTEST_SECRET = 16
_DEEPEST = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Anthropic's and OpenAI's own tools carry the day of their version: `web_search_20250305`.
_VERSION = re.compile(r"_20\d{2}_?\d{2}_?\d{2}$")
_UNNAMED = ("content", "text")
_KNOWN_METADATA = ("user_id", "session_id")


class Privacy:
    """What is kept at one level. `secret` keys hashes and tokens: who has it can test a guess, nobody can read one.

    ConfigError where a level below `full` has no secret of at least 16 bytes.
    """

    def __init__(self, level: Level, secret: bytes | None) -> None:
        if level != "full" and len(secret or b"") < _SHORTEST_SECRET:
            raise ConfigError(
                f"log.privacy: {level} needs a secret of at least {_SHORTEST_SECRET} bytes; name the environment"
                " variable that holds it in log.scaffold_key_env"
            )
        self.level: Level = level
        # Long secrets are allowed, and a hash of wording must not be comparable with a token.
        root = blake2b(secret or b"", digest_size=32).digest()
        self._scaffold_key = blake2b(root, digest_size=32, person=b"scaffold").digest()
        self._token_key = blake2b(root, digest_size=32, person=b"token").digest()

    def body(self, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The body of a request or answer of `model` without its content; the values of `body` stay as they are.

        `withheld_fields` says how many fields were left out because they are not known.
        """
        reduction = _Reduction(self._scaffold_key if self.level == "scaffold" else None, self._token_key, model)
        reduced = reduction.walk(body, BODY, _DEEPEST)
        if reduction.unknown:
            reduced["withheld_fields"] = reduction.unknown
        return reduced

    def text(self, text: str) -> dict[str, Any]:
        """What stands for a body that is no JSON object."""
        key = self._scaffold_key if self.level == "scaffold" else None
        return _Reduction(key, self._token_key, "").withheld("text", text)


class _Reduction:
    """One pass over one body."""

    def __init__(self, scaffold_key: bytes | None, token_key: bytes, model: str) -> None:
        self.unknown = 0
        self._scaffold_key = scaffold_key
        self._token_key = token_key
        self._model = model

    def walk(self, value: Mapping[str, Any], table: Table, depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, field in value.items():
            rule = table.get(name)
            if rule is None:
                self.unknown += 1
            elif field is None:
                kept[name] = None
            elif rule is Kind.TEXT:
                kept |= self._text(name, field, depth)
            elif isinstance(rule, Kind):
                kept |= self._field(name, field, rule)
            else:
                kept[name] = self._inside(field, rule, depth)
        return kept

    def withheld(self, name: str, text: str) -> dict[str, Any]:
        hashed = None if self._scaffold_key is None else scaffold(text, self._scaffold_key)
        return self._marked(name, hashed, len(text))

    def _marked(self, name: str, hashed: str | None, characters: int) -> dict[str, Any]:
        prefix = "" if name in _UNNAMED else f"{name}_"
        marks: dict[str, Any] = {name: None}
        if hashed is not None:
            marks[f"{prefix}scaffold"] = hashed
        marks[f"{prefix}characters"] = characters
        return marks

    def _field(self, name: str, value: Any, kind: Kind) -> dict[str, Any]:
        match kind:
            case Kind.NUMBER:
                return {name: value if _is_number(value) else None}
            case Kind.WORD:
                return {name: [_word(one) for one in value] if isinstance(value, list) else _word(value)}
            case Kind.NAME:
                return {name: value if isinstance(value, str) and _NAME.fullmatch(value) else None}
            case Kind.MODEL:
                return {name: value if value == self._model else None}
            case Kind.TOKEN:
                return {name: self._token(value.get("id") if isinstance(value, dict) else value)}
            case Kind.TOKENS:
                return {name: self._tokens(value)}
            case Kind.JSON:
                return self._json(name, value)
            case Kind.SIZE:
                return {name: None, f"{name}_characters": _characters(value)}
            case _:
                return {name: None, f"{name}_entries": len(value) if isinstance(value, dict | list) else 1}

    def _inside(self, value: Any, table: Table, depth: int) -> Any:
        if isinstance(value, dict):
            return self.walk(value, table, depth - 1) if depth > 0 else None
        if isinstance(value, list):
            return [self._inside(one, table, depth - 1) if isinstance(one, dict) else _word(one) for one in value]
        return _word(value)

    def _text(self, name: str, value: Any, depth: int) -> dict[str, Any]:
        if isinstance(value, str):
            return self.withheld(name, value)
        if depth <= 0:
            return {name: None}
        if isinstance(value, dict):
            return {name: self._part(value, depth - 1)}
        if not isinstance(value, list):
            return {name: None}
        if value and all(isinstance(one, int | float) for one in value):
            # Numbers of tokens say as much as the text.
            return {name: None, f"{name}_entries": len(value)}
        return {name: [self._entry(one, depth - 1) for one in value]}

    def _entry(self, value: Any, depth: int) -> dict[str, Any] | None:
        if isinstance(value, dict):
            return self._part(value, depth)
        return self._text("text", value, depth)

    def _part(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        kind = value.get("type")
        return self.walk(value, CALLED if isinstance(kind, str) and kind in CALLING_PARTS else PART, depth)

    def _json(self, name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            try:
                parsed = orjson.loads(value)
            except orjson.JSONDecodeError:
                return self.withheld(name, value)
            return self._marked(name, self._shape(parsed), len(value))
        return self._marked(name, self._shape(value), _characters(value))

    def _shape(self, value: Any) -> str | None:
        return None if self._scaffold_key is None else scaffold_of_json(value, self._scaffold_key)

    def _token(self, value: Any) -> str | None:
        if not isinstance(value, str | int):
            return None
        content = str(value).encode("utf-8", "surrogatepass")
        return f"t1:{blake2b(content, key=self._token_key, digest_size=8).hexdigest()}"

    def _tokens(self, value: Any) -> dict[str, str | None] | str | None:
        if not isinstance(value, dict):
            return self._token(value)
        return {
            (name if name in _KNOWN_METADATA else self._token(name) or ""): self._token(one)
            for name, one in value.items()
        }


def _is_number(value: object) -> bool:
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 63)


def _word(value: Any) -> Any:
    if isinstance(value, str):
        return value if value in WORDS or _VERSION.sub("", value) in WORDS else None
    return value if _is_number(value) else None


def _characters(value: Any) -> int:
    """Characters of all strings in a JSON value, names included."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            count += len(one)
        elif isinstance(one, dict):
            count += sum(map(len, one))
            left += one.values()
        elif isinstance(one, list):
            left += one
    return count
