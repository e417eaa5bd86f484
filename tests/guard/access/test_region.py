"""Countries and networks: from headers that may be believed, and from MMDB files of several makers that change."""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter

from stillhouse.errors import ConfigError
from stillhouse.guard.access.region import Place, Regions, asn_in, country_in
from stillhouse.guard.settings import AccessSettings

IPSet = importlib.import_module("netaddr").IPSet  # it has no types

MAXMIND = {"country": {"iso_code": "DE", "names": {"en": "Germany"}}, "registered_country": {"iso_code": "US"}}
IPINFO_LITE = {"country": "Canada", "country_code": "CA", "asn": "AS64500"}
IPINFO_OLD = {"country": "JP", "country_name": "Japan", "asn": "AS64501"}
GEOLITE_ASN = {"autonomous_system_number": 64502, "autonomous_system_organization": "Example"}


def write(path: Path, records: Mapping[str, Any], version: int = 6) -> None:
    """An MMDB file, put in place in one rename as its makers' updaters do."""
    writer = MMDBWriter(ip_version=version, database_type="Test", ipv4_compatible=version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    part = path.with_suffix(".part")
    writer.to_db_file(str(part))
    part.rename(path)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def regions(folder: Path, clock: Callable[[], float] = time.monotonic, **settings: Any) -> Regions:
    return Regions(AccessSettings.model_validate({"trusted_proxies": ["10.0.0.0/8"], **settings}), folder, clock)


def test_records_of_several_makers() -> None:
    assert [country_in(record) for record in (MAXMIND, IPINFO_LITE, IPINFO_OLD)] == ["DE", "CA", "JP"]
    assert [asn_in(record) for record in (GEOLITE_ASN, IPINFO_LITE, {"asn": 64503}, {"asn": "64504"})] == [
        64502,
        64500,
        64503,
        64504,
    ]
    nothing: list[Any] = [None, "DE", [], {}, {"country": {}}, {"country": "Canada"}, {"country_code": "ZZ"}]
    nothing += [{"registered_country": {"iso_code": "US"}}, {"country": {"iso_code": 5}}, {"country_code": "D1"}]
    assert [country_in(record) for record in nothing] == [None] * len(nothing)
    assert [asn_in(record) for record in (None, {}, {"asn": ""}, {"asn": "ASX"}, {"asn": -1}, {"asn": 1 << 40})] == [
        None
    ] * 6


def test_a_header_is_believed_only_from_a_trusted_peer(tmp_path: Path) -> None:
    found = regions(tmp_path, country_header="CF-IPCountry")
    headers = [(b"cf-ipcountry", b"de")]
    assert found.of("192.0.2.1", headers, trusted=True) == Place("DE")
    assert found.of("192.0.2.1", headers, trusted=False) == Place()
    for value in (b"XX", b"T1", b"", b"Germany", b"\xff\xff"):
        assert found.of("192.0.2.1", [(b"cf-ipcountry", value)], trusted=True) == Place()
    assert found.of("192.0.2.1", [*headers, (b"cf-ipcountry", b"FR")], trusted=True) == Place()
    assert found.of("192.0.2.1", headers * 2, trusted=True) == Place("DE")


def test_databases_answer_where_no_header_does(tmp_path: Path) -> None:
    write(tmp_path / "country.mmdb", {"192.0.2.0/24": MAXMIND, "2001:db8::/32": IPINFO_LITE})
    write(tmp_path / "asn.mmdb", {"192.0.2.0/24": GEOLITE_ASN})
    found = regions(
        tmp_path, country_header="x-country", country_database=Path("country.mmdb"), asn_database=Path("asn.mmdb")
    )
    assert found.of("192.0.2.1", [], trusted=False) == Place("DE", 64502)
    assert found.of("192.0.2.1", [(b"x-country", b"FR")], trusted=True) == Place("FR", 64502)
    assert found.of("192.0.2.1", [(b"x-country", b"FR")], trusted=False) == Place("DE", 64502)
    assert found.of("192.0.2.1", [(b"x-country", b"XX")], trusted=True) == Place("DE", 64502)
    assert found.of("2001:db8::1", [], trusted=False) == Place("CA", None)
    assert found.of("198.51.100.1", [], trusted=False) == Place()
    assert found.of("no address", [], trusted=False) == Place()


def test_a_database_of_ipv4_only_knows_no_ipv6(tmp_path: Path) -> None:
    write(tmp_path / "four.mmdb", {"192.0.2.0/24": IPINFO_OLD}, version=4)
    found = regions(tmp_path, country_database=tmp_path / "four.mmdb")
    assert found.of("192.0.2.1", [], trusted=False) == Place("JP")
    assert found.of("2001:db8::1", [], trusted=False) == Place()


def test_a_missing_or_corrupt_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mmdb").write_text("not a database")
    (tmp_path / "empty.mmdb").write_bytes(b"")
    for name in ("missing.mmdb", "text.mmdb", "empty.mmdb", "."):
        with pytest.raises(ConfigError) as caught:
            regions(tmp_path, country_database=Path(name))
        assert str(caught.value).startswith("access.country_database: ")
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def until(clock: Clock, happens: Callable[[], bool]) -> None:
    """Let looks at the file come due until something happens: its loading is in a thread."""
    end = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < end
        clock.now += 6.0
        time.sleep(0.005)


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, clock = tmp_path / "country.mmdb", Clock()
    write(path, {"192.0.2.0/24": MAXMIND})
    found = regions(tmp_path, clock, country_database=path)

    def country() -> str | None:
        return found.of("192.0.2.1", [], trusted=False).country

    assert country() == "DE"
    write(path, {"192.0.2.0/24": IPINFO_LITE})
    clock.now += 4.0
    assert country() == "DE"  # not looked at again so soon
    until(clock, lambda: country() == "CA")
    path.write_bytes(path.read_bytes()[:200])  # cut short in place, under the map
    with caplog.at_level(logging.WARNING):
        until(clock, lambda: country() == "CA" and "stays in use" in caplog.text)
    path.unlink()
    clock.now += 6.0
    assert country() == "CA"
    write(path, {"192.0.2.0/24": MAXMIND})
    until(clock, lambda: country() == "DE")
    assert caplog.text.count("stays in use") == 1


def test_a_file_that_is_still_being_written_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, clock = tmp_path / "country.mmdb", Clock()
    write(path, {"192.0.2.0/24": MAXMIND})
    found = regions(tmp_path, clock, country_database=path)
    whole = path.read_bytes()
    for size in range(10, 100, 10):  # it grows between any two looks
        path.write_bytes(whole[:size])
        clock.now += 6.0
        assert found.of("192.0.2.1", [], trusted=False).country == "DE"
    assert caplog.text == ""
