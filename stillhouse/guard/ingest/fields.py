"""Where our fields stand in rows of another program, and how a row is asked for them.

Gateways let their users name things as they like, and what an *account* is differs from house to house. So no reader
names a column by itself: each brings a table of the documented places, and the user can put another place in for any
of them.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ingest.times import epoch_ms

__all__ = ["Fields", "View"]

_MOST = 2**53


class Fields:
    """Our names to theirs. A place is a key of the row, or keys with dots between them on the way down.

    `changes` replaces all places of one name. `=text` stands for that very text in every row. ConfigError where a
    name is none of ours or a place is empty.
    """

    def __init__(self, places: Mapping[str, tuple[str, ...]], changes: Mapping[str, str] | None = None) -> None:
        self._places = {ours: tuple(_Place(name) for name in names) for ours, names in places.items()}
        for ours, theirs in (changes or {}).items():
            if ours not in places:
                near = difflib.get_close_matches(ours, places, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(places))}"
                raise ConfigError(f"field '{ours}': is none of this source; {hint}")
            if theirs in ("", "=") or not _is_text(theirs):
                raise ConfigError(f"field '{ours}': no place is given for it; write {ours}=THEIRS, or {ours}==TEXT")
            self._places[ours] = (_Place(theirs),)

    def view(self, place: str, *layers: Mapping[str, Any], absent: tuple[str, ...] = ("",)) -> "View":
        """A row as our fields: each place is looked for in all `layers` before the next one. `place` opens faults."""
        return View(self._places, place, layers, absent)


class View:
    """One row. Every method raises RecordError where the field is there and cannot be what it has to be."""

    def __init__(
        self,
        places: Mapping[str, "tuple[_Place, ...]"],
        place: str,
        layers: tuple[Mapping[str, Any], ...],
        absent: tuple[str, ...],
    ) -> None:
        self.place = place
        self._places, self._layers, self._absent = places, layers, absent

    def value(self, ours: str) -> Any:
        """As it stands there; None where it is absent."""
        return self._find(ours)[1]

    def text(self, ours: str) -> str | None:
        """Text, or a whole number as text."""
        theirs, found = self._find(ours)
        if found is None or (isinstance(found, str) and found):
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        raise self._fault(theirs, found, "text or a whole number")

    def need(self, ours: str, remedy: str) -> str:
        """As `text`; where it is absent the fault names the places that were looked at, and the remedy."""
        found = self.text(ours)
        if found is None:
            looked = " or ".join(place.name for place in self._places[ours])
            raise RecordError(f"{self.place}: no {ours} (looked for {looked}); {remedy}")
        return found

    def count(self, ours: str) -> int | None:
        """A whole number from 0 to 2^53, also as text or as a float without a fraction."""
        theirs, found = self._find(ours)
        if found is None:
            return None
        is_digits = isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) <= 16
        number = int(found) if is_digits or (isinstance(found, float) and found.is_integer()) else found
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MOST:
            return number
        raise self._fault(theirs, found, "a whole number that is not negative")

    def ms(self, ours: str) -> int | None:
        """A moment in milliseconds since 1970."""
        theirs, found = self._find(ours)
        if found is None:
            return None
        ms = epoch_ms(found)
        if ms is None:
            raise self._fault(theirs, found, "a time (ISO 8601, or an epoch in s, ms, us or ns) from 2000 to 2099")
        return ms

    def need_ms(self, ours: str) -> int:
        """As `ms`, and it has to be there."""
        ms = self.ms(ours)
        if ms is None:
            looked = " or ".join(place.name for place in self._places[ours])
            raise RecordError(f"{self.place}: no {ours} (looked for {looked}); name the field with --field {ours}=NAME")
        return ms

    def gathered(self, *names: str) -> dict[str, str]:
        """Those of our fields that are there, as text."""
        found = {ours: self.text(ours) for ours in names}
        return {ours: value for ours, value in found.items() if value is not None}

    def counted(self, *names: str) -> dict[str, int]:
        """Those of our fields that are there, as counts."""
        found = {ours: self.count(ours) for ours in names}
        return {ours: value for ours, value in found.items() if value is not None}

    def _find(self, ours: str) -> tuple[str, Any]:
        for place in self._places[ours]:
            if place.literal is not None:
                return place.name, place.literal
            for layer in self._layers:
                found = place.look(layer)
                if found is not None and not (isinstance(found, str) and found in self._absent):
                    return place.name, found
        return "", None

    def _fault(self, theirs: str, found: object, expected: str) -> RecordError:
        shown = repr(found)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return RecordError(f"{self.place}: field '{theirs}' is {shown}; it must be {expected}")


class _Place:
    def __init__(self, name: str) -> None:
        self.name = name
        self.literal = name[1:] if name.startswith("=") else None
        self._way = name.split(".")

    def look(self, layer: Mapping[str, Any]) -> Any:
        if self.name in layer:
            return layer[self.name]
        here: Any = layer
        for key in self._way:
            if not isinstance(here, Mapping):
                return None
            here = here.get(key)
        return here


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
