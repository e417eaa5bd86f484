"""Every way in which gateways write a moment, as milliseconds since 1970.

A number says nothing of its unit, so the unit is taken from its size: today's epoch in seconds, milliseconds,
microseconds and nanoseconds are a factor of a thousand apart and cannot be mistaken for each other before the year
5138.
"""

import re
from datetime import datetime, timedelta

__all__ = ["epoch_ms"]

_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,12}))? ?(?:([Zz]|UTC)|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII
)
_WHOLE = re.compile(r"\d{9,20}", re.ASCII)
_DECIMAL = re.compile(r"\d{9,20}\.\d{1,12}", re.ASCII)
_FIRST, _LAST = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2099: what lies outside is no time of a request


def epoch_ms(value: object) -> int | None:
    """Milliseconds since 1970, or None where `value` is no time between 2000 and 2099.

    Takes ISO 8601 text with or without an offset (without one it is UTC, as databases of gateways keep it), fractions
    of up to picoseconds (cut, not rounded), and epoch numbers or their text in s, ms, us or ns.
    """
    found: int | None = None
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            found = _from_whole(int(text))
        elif _DECIMAL.fullmatch(text):
            found = _from_float(float(text))
        else:
            found = _from_text(text)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = _from_whole(value)
    elif isinstance(value, float):
        found = _from_float(value)
    return found if found is not None and _FIRST <= found < _LAST else None


def _from_whole(value: int) -> int:
    if value < 10**11:
        return value * 1000
    if value < 10**14:
        return value
    return value // 1000 if value < 10**17 else value // 10**6


def _from_float(value: float) -> int | None:
    if not 0 < value < 1e20:
        return None
    if value < 1e11:
        return int(value * 1000 + 5e-4)  # cut like text; half a microsecond is more than a float's error here
    return _from_whole(int(value))


def _from_text(text: str) -> int | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    date, clock, fraction, _, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}+00:00")
    except ValueError:
        return None
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset >= timedelta(days=1):
            return None
        moment = moment - offset if sign == "+" else moment + offset
    return int(moment.timestamp()) * 1000 + int(((fraction or "") + "000")[:3])
