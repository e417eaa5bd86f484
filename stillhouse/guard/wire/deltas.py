"""Deltas of OpenAI's chat put together into the message that they are pieces of.

Texts are kept as pieces and joined once at the end, since adding each token to a growing string copies it each time.
Fields are added by their shape, not by their name, so that those that only one server knows arrive too.
"""

from typing import Any

__all__ = ["Grown", "Pieces", "add", "joined"]

_DEPTH = 8
# Said once, or again with each piece; never in pieces.
_WHOLE = frozenset({"role", "id", "type", "index", "format"})


class Pieces(list[str]):
    """A text that grows."""


class Grown(dict[str, Any]):
    """An object that grows: its values are Pieces, Grown, Entries, or what is final as it is."""


class _Entries(dict[int, Grown]):
    """A list that grows entry by entry, by each one's `index`."""


def add(into: Grown, delta: dict[str, Any], depth: int = _DEPTH) -> None:
    """Add a delta. What is `depth` levels down is not added up but replaced."""
    for key, piece in delta.items():
        have = into.get(key)
        if type(have) is Pieces and type(piece) is str:
            have.append(piece)
        elif have is None:
            if piece is not None or key not in into:
                into[key] = _begun(key, piece, depth)
        elif piece is None or piece == "":
            pass
        elif type(have) is Grown and type(piece) is dict:
            add(have, piece, depth - 1)
        elif type(have) is _Entries and type(piece) is list:
            _add_entries(have, piece, depth)
        elif type(have) is list and type(piece) is list:
            have.extend(piece)
        elif key == "name" and type(have) is str and type(piece) is str:
            # Some servers say a tool's name in pieces, some whole with each piece of its arguments.
            into[key] = have if piece == have else have + piece
        else:
            into[key] = _begun(key, piece, depth)


def joined(value: Any) -> Any:
    """What has grown as plain JSON."""
    if type(value) is Pieces:
        return "".join(value)
    if type(value) is Grown:
        return {key: joined(inner) for key, inner in value.items()}
    if type(value) is _Entries:
        return [joined(value[index]) for index in sorted(value)]
    return value


def _begun(key: str, piece: Any, depth: int) -> Any:
    if type(piece) is str:
        return piece if key in _WHOLE or key == "name" else Pieces((piece,))
    if depth > 0 and type(piece) is dict:
        grown = Grown()
        add(grown, piece, depth - 1)
        return grown
    if depth > 0 and type(piece) is list and any(type(entry) is dict and "index" in entry for entry in piece):
        entries = _Entries()
        _add_entries(entries, piece, depth)
        return entries
    return piece


def _add_entries(entries: _Entries, pieces: list[Any], depth: int) -> None:
    for piece in pieces:
        if type(piece) is not dict:
            continue
        index = piece.get("index")
        if type(index) is not int:
            index = max(entries, default=-1) + 1
        entry = entries.get(index)
        if entry is None:
            entry = entries[index] = Grown()
        add(entry, piece, depth - 1)
