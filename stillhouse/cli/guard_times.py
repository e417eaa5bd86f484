"""Times as people give and read them: a length from now, or ISO 8601; inside they are seconds since 1970."""

import re
import time
from datetime import UTC, datetime

from stillhouse.errors import ConfigError

__all__ = ["moment", "seconds", "shown"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds(text: str, place: str) -> float:
    """Of a length of time like 12h; ConfigError names `place`."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw])", text, re.ASCII)
    if found is None:
        raise ConfigError(f"{place}: '{text}' is no length of time; give one like 90s, 30m, 12h, 7d or 2w")
    return float(found[1]) * _UNITS[found[2]]


def moment(text: str | None, place: str) -> float | None:
    """Seconds since 1970 of a length of time from now, or of an ISO 8601 time (UTC where it names no zone)."""
    if text is None:
        return None
    if re.fullmatch(r"[\d.]+[a-z]", text, re.ASCII):
        return time.time() + seconds(text, place)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(f"{place}: '{text}' is no time; give one like 90d, 12h or 2027-01-31T12:00Z") from None


def shown(moment: float) -> str:
    """To the second, in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
