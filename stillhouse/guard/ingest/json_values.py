"""The texts of JSON values in a file, cut apart without decoding them, so that one malformed value costs only itself.

Exporters write one value a line, or an array, or pretty-printed objects one after the other. The last two have no
line to go by; they are cut by brackets alone, strings skipped.
"""

import io
import re
from collections.abc import Iterator

__all__ = ["LONGEST", "json_lines", "json_values"]

LONGEST = 64 << 20
"""The most bytes that one value may have."""

_CHUNK = 1 << 18
_SHOWN = 2000
# A whole string, a bracket, or the quote of a string whose end is not read yet. Possessive: no way back to remember.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)

Cut = tuple[int, bytes, str | None]
"""(line from 1, text, why it is no value or None). The reason `too long` ends the reading."""


def json_lines(file: io.BufferedReader) -> Iterator[Cut]:
    """Every line that is not blank."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > LONGEST:
            yield number, line[:_SHOWN], "too long"
            return
        line = line.strip()
        if line:
            yield number, line, None


def json_values(file: io.BufferedReader) -> Iterator[Cut]:
    """Every object, at the top or in an array at the top; what stands between them is given out with a reason."""
    held = b""  # read and not given out
    line = 1  # of held[0]
    start: int | None = None  # of the value that is open, in `held`
    depth = scanned = base = 0
    first = True
    while True:
        more = file.read(max(_CHUNK, len(held)))
        if first:
            more = more.removeprefix(b"\xef\xbb\xbf")
            first = False
        held += more
        done = 0  # up to here everything is given out
        waits = False
        for token in _TOKEN.finditer(held, scanned):
            sign = token[0]
            scanned = token.end()
            if sign == b'"' and more:
                scanned = token.start()  # a string that goes on: read more and look again
                waits = True
                break
            if sign in (b"{", b"[") and start is None:
                yield from _between(held, done, token.start(), line)
                line += held.count(b"\n", done, token.start())
                done = token.start()
                if sign == b"[" and base == 0:
                    base = depth = 1
                    done = token.end()
                    continue
                start = token.start()
            if sign in (b"{", b"["):
                depth += 1
            elif sign in (b"}", b"]"):
                if start is None:
                    yield from _between(held, done, token.start(), line)
                    line += held.count(b"\n", done, token.end())
                    done = token.end()
                    if sign == b"]" and base == 1:
                        base = depth = 0
                    else:
                        yield line, sign, "a bracket that closes nothing"
                    continue
                depth -= 1
                if depth == base:
                    yield line, held[start : token.end()], None
                    line += held.count(b"\n", done, token.end())
                    done = token.end()
                    start = None
        if not more:
            if start is not None:
                yield line, held[start : start + _SHOWN], "ends before the value is closed (cut off?)"
            else:
                yield from _between(held, done, len(held), line)
            return
        if start is None and not waits:
            yield from _between(held, done, len(held), line)
            line += held.count(b"\n", done)
            done = len(held)
        held = held[done:]
        scanned = scanned - done if waits else len(held)
        start = None if start is None else start - done
        if len(held) > LONGEST:
            yield line, held[:_SHOWN], "too long"
            return


def _between(held: bytes, start: int, end: int, line: int) -> Iterator[Cut]:
    text = held[start:end].strip(b" \t\r\n,")
    if text:
        yield line, text[:_SHOWN], "stands outside of any object"
