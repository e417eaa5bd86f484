"""Names for exchanges: sortable by time, unique across gateways that do not know of one another.

The form is that of a ULID: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32, so names sort as text
in the order of their making. A name is made for every request, also refused ones, so it has to cost next to nothing:
within a millisecond only the last 20 bits are counted up and the rest of the text is kept.
"""

from collections.abc import Callable

__all__ = ["ExchangeIds"]

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_COUNTED = 1 << 20


class ExchangeIds:
    """Makes names for one gateway. `random(n)` gives n random bytes: `os.urandom`."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._milliseconds = -1
        self._high = 0
        self._low = 0
        self._head = ""

    def new(self, now: float) -> str:
        """`ex_` and 26 characters; `now` is in seconds since 1970.

        Always greater than the name before it: where the clock stands still or goes back, the last millisecond that
        was named goes on.
        """
        milliseconds = int(now * 1000)
        if milliseconds > self._milliseconds:
            self._milliseconds = milliseconds
            bits = int.from_bytes(self._random(10), "big")
            self._high, self._low = bits >> 20, bits & (_COUNTED - 1)
            self._head = f"ex_{_text(milliseconds, 5)}{_text(self._high, 6)}"
        else:
            self._low += 1
            if self._low == _COUNTED:
                self._carry()
        return self._head + _PAIRS[self._low >> 10] + _PAIRS[self._low & 1023]

    def _carry(self) -> None:
        self._low = 0
        self._high = (self._high + 1) & ((1 << 60) - 1)
        if self._high == 0:
            self._milliseconds += 1
        self._head = f"ex_{_text(self._milliseconds, 5)}{_text(self._high, 6)}"


def _text(number: int, pairs: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(10 * (pairs - 1), -1, -10)])
