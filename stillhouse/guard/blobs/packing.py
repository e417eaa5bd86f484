"""Text as few bytes: providers' blobs are base64 and their ids are hex, and sealing makes base64 of them once more.

Unpacked first, a blob grows by the seal's own bytes instead of by a third; clients send all of them with every turn.
"""

import base64
import binascii
import re

__all__ = ["pack", "unpack"]

_TEXT, _HEX, _STANDARD, _STANDARD_BARE, _URL, _URL_BARE = range(6)
_IS_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def pack(text: str) -> bytes:
    """The text's bytes behind one that says how they are to be read; `unpack` gives back exactly this text."""
    if _IS_HEX.fullmatch(text):
        return bytes((_HEX,)) + bytes.fromhex(text)
    url = "-" in text or "_" in text
    bare = not text.endswith("=") and len(text) % 4 != 0
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_" if url else None)
    except (binascii.Error, ValueError):
        data = b""
    packed = bytes(((_URL_BARE if bare else _URL) if url else (_STANDARD_BARE if bare else _STANDARD),)) + data
    # The decoder passes over what is no base64, spare bits and spare padding: such a text stays as it is.
    if text and unpack(packed) == text:
        return packed
    return bytes((_TEXT,)) + text.encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> str:
    form, data = packed[0], packed[1:]
    if form == _TEXT:
        return data.decode("utf-8", "surrogatepass")
    if form == _HEX:
        return data.hex()
    text = (base64.urlsafe_b64encode(data) if form in (_URL, _URL_BARE) else base64.b64encode(data)).decode()
    return text.rstrip("=") if form in (_STANDARD_BARE, _URL_BARE) else text
