"""Which country a client is in, and whose network: from a header that a trusted proxy sets, or from an MMDB file.

No such file comes with Stillhouse; the operator supplies one, and replaces it while the gateway runs. So it is copied
first and mapped from the copy: a file that is cut short or overwritten under a map kills the process that reads it
(SIGBUS), and an update must never break a request.
"""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from stillhouse.errors import ConfigError
from stillhouse.guard.access.address import Headers
from stillhouse.guard.settings import AccessSettings

__all__ = ["Place", "Regions", "asn_in", "country_in"]

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 5.0
_REMEMBERED = 8192
# What senders write where they do not know: Cloudflare XX, others ZZ. Both are no countries by ISO 3166-1.
_UNKNOWN = frozenset({"XX", "ZZ"})

_Stamp = tuple[int, int, int]


class Place(NamedTuple):
    """Country by ISO 3166-1 alpha-2 in capitals and number of the autonomous system; None is unknown."""

    country: str | None = None
    asn: int | None = None


_NOWHERE = Place()


class Regions:
    """Where addresses are. `folder` is what relative paths are meant from; `clock` is in seconds, and only goes on.

    Raises ConfigError where a database is missing or is none.
    """

    def __init__(self, access: AccessSettings, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        header = access.country_header
        self._header = None if header is None else header.lower().encode("latin-1")
        self._countries = _database(access.country_database, folder, "access.country_database", country_in, clock)
        self._networks = _database(access.asn_database, folder, "access.asn_database", asn_in, clock)

    def of(self, address: str, headers: Headers, trusted: bool) -> Place:
        """Where `address` is. `trusted`: whether the peer is a proxy whose headers are believed.

        A country in the header goes before the database. Where the header is there twice with different values, one of
        them may be the client's own, and neither is believed.
        """
        country = None
        if trusted and self._header is not None:
            name = self._header
            told = {value for found, value in headers if found == name}
            if len(told) == 1:
                country = _code(told.pop().decode("latin-1").strip())
        countries, networks = self._countries, self._networks
        if country is None and countries is not None:
            country = countries.find(address)
        if networks is None:
            return _NOWHERE if country is None else Place(country)
        return Place(country, networks.find(address))


def country_in(record: object) -> str | None:
    """The country of an MMDB record: `country.iso_code` (MaxMind, DB-IP), or flat `country_code` or `country` (IPinfo).

    Only the country where the address is: not where it is registered, which is another question.
    """
    if not isinstance(record, Mapping):
        return None
    country = record.get("country")
    if isinstance(country, Mapping):
        return _code(country.get("iso_code"))
    return _code(record.get("country_code")) or _code(country)


def asn_in(record: object) -> int | None:
    """The number of the autonomous system: `autonomous_system_number` of MaxMind, `asn` of IPinfo (`AS64500`)."""
    if not isinstance(record, Mapping):
        return None
    number = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isdecimal() else None
    return number if isinstance(number, int) and 0 < number < 1 << 32 else None


def _code(text: object) -> str | None:
    if not isinstance(text, str) or len(text) != 2 or not text.isascii() or not text.isalpha():
        return None
    code = text.upper()
    return None if code in _UNKNOWN else code


def _database(
    path: Path | None, folder: Path, setting: str, read: Callable[[object], Any], clock: Callable[[], float]
) -> "_Database | None":
    return None if path is None else _Database(folder / path, setting, read, clock)


class _Database:
    """One MMDB file, asked by address, loaded again in a thread once it has changed on disk.

    A changed file is taken when it looks the same at two looks in a row, so one that is still being written is not.
    """

    def __init__(self, path: Path, setting: str, read: Callable[[object], Any], clock: Callable[[], float]) -> None:
        self._path = path
        self._setting = setting
        self._read = read
        self._clock = clock
        self._look_at = clock() + _LOOK_SECONDS
        self._loading: threading.Thread | None = None
        self._tried = self._seen = _stamp(path)
        self._lookup = self._load()

    def find(self, address: str) -> Any:
        """What `read` finds in the record of an address; None where there is none, or none that can be read."""
        if self._clock() >= self._look_at:
            self._look()
        return self._lookup(address)

    def _look(self) -> None:
        self._look_at = self._clock() + _LOOK_SECONDS
        stamp = _stamp(self._path)
        if stamp == self._seen and stamp not in (self._tried, None):
            self._tried = stamp
            self._loading = threading.Thread(target=self._reload, daemon=True)
            self._loading.start()
        self._seen = stamp

    def _reload(self) -> None:
        try:
            self._lookup = self._load()
        except ConfigError as error:
            _log.warning("%s; the one read before stays in use", error)
        else:
            _log.info("%s: %s was read again", self._setting, self._path)

    def _load(self) -> Callable[[str], Any]:
        try:
            with self._path.open("rb") as source, tempfile.NamedTemporaryFile(suffix=".mmdb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                reader = maxminddb.open_database(copy.name)
            reader.get("192.0.2.1")
        except maxminddb.InvalidDatabaseError as error:
            raise ConfigError(f"{self._setting}: {self._path} is no MMDB file ({error}); give a whole one") from None
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"{self._setting}: {self._path} cannot be read ({reason}); give an MMDB file") from None
        return _lookup_in(reader, self._read, f"{self._setting}: {self._path}")


def _lookup_in(reader: maxminddb.Reader, read: Callable[[object], Any], name: str) -> Callable[[str], Any]:
    faulty = False

    @lru_cache(maxsize=_REMEMBERED)
    def lookup(address: str) -> Any:
        nonlocal faulty
        try:
            return read(reader.get(address))
        except maxminddb.InvalidDatabaseError as error:
            if not faulty:
                faulty = True
                _log.warning("%s is damaged (%s); what it says of some addresses is unknown", name, error)
        except ValueError:
            pass  # no address, or an IPv6 address and a database of IPv4 only
        return None

    return lookup


def _stamp(path: Path) -> _Stamp | None:
    """What differs between two versions of a file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
