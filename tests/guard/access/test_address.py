"""Whose address counts: chains of proxies by hand, forged ones, and sets of addresses against the standard library."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.errors import ConfigError
from stillhouse.guard.access.address import ClientAddress, Ranges, check_ranges, host_of, normalised

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def xff(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"gateway"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]


def forwarded(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"forwarded", line.encode("latin-1")) for line in lines]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1, 198.51.100.7"], "198.51.100.7"),  # the left one is the client's own claim
        (["203.0.113.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (["203.0.113.1", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),  # lines are one list, in order
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # all trusted: the outermost
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["198.51.100.7,, ,"], "198.51.100.7"),
        (["198.51.100.7:52311"], "198.51.100.7"),
        (["[2001:db8::5]:443"], "2001:db8::5"),
        (["[2001:db8::5]"], "2001:db8::5"),
        (["2001:DB8:0:0::5"], "2001:db8::5"),
        (["fe80::1%eth0"], "fe80::1"),
        (['"[2001:db8::5]:443"'], "2001:db8::5"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["::ffff:10.9.9.9"], "10.9.9.9"),  # trusted as 10.0.0.0/8 is
        (["198.51.100.7, ::ffff:10.9.9.9"], "198.51.100.7"),
        (["198.51.100.7, nonsense, 10.0.0.2"], "10.0.0.2"),  # the last that could be read
        (["198.51.100.7, unknown"], "10.0.0.1"),
        (["198.51.100.7, 10.0.0.2:port"], "10.0.0.1"),
        (["198.51.100.7, 10.0.0.02"], "10.0.0.1"),  # octal or decimal? nobody knows
        (["198.51.100.7, 10.0.0.2\x00"], "10.0.0.1"),
        (["198.51.100.7, [10.0.0.2]"], "10.0.0.1"),
        (["198.51.100.7, [2001:db8:ffff::1"], "10.0.0.1"),
        (["198.51.100.7, [2001:db8:ffff::1]x"], "10.0.0.1"),
        (["198.51.100.7, 2001:db8:ffff::1"], "198.51.100.7"),
        (["198.51.100.7, 167772162"], "10.0.0.1"),
        (["198.51.100.7, ٣.0.0.2".encode().decode("latin-1")], "10.0.0.1"),
    ],
)
def test_the_walk_ends_at_the_first_hop_that_nobody_vouches_for(lines: list[str], client: str) -> None:
    assert ClientAddress(PROXIES, "X-Forwarded-For").of("10.0.0.1", xff(*lines)) == client


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8:fffe::1", "11.0.0.1"])
def test_a_header_from_an_untrusted_peer_is_ignored(peer: str) -> None:
    address = ClientAddress(PROXIES, "x-forwarded-for")
    assert address.of(peer, xff("198.51.100.7")) == peer
    assert not address.trusts(peer)
    assert ClientAddress((), "x-forwarded-for").of("127.0.0.1", xff("198.51.100.7")) == "127.0.0.1"


def test_a_peer_is_spelt_in_one_way_and_one_that_is_no_address_is_not_trusted() -> None:
    address = ClientAddress(PROXIES, "x-forwarded-for")
    assert address.of("::ffff:10.0.0.1", xff("198.51.100.7")) == "198.51.100.7"
    assert address.of("2001:DB8:0::1", []) == "2001:db8::1"
    assert address.of("", xff("198.51.100.7")) == ""
    assert not address.trusts("")


def test_another_header_can_name_the_client() -> None:
    address = ClientAddress(PROXIES, "CF-Connecting-IP")
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"cf-connecting-ip", b"198.51.100.7")]
    assert address.of("10.0.0.1", headers) == "198.51.100.7"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (["For=198.51.100.7;proto=https;by=10.0.0.1"], "198.51.100.7"),
        (["proto=https;for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        (['for="[2001:db8::5]:4711"'], "2001:db8::5"),
        (['for="198.51.100.7:80", for=10.0.0.2'], "198.51.100.7"),
        (['for="198.51.100.7:_hidden"'], "198.51.100.7"),
        (["for=203.0.113.1", "for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        (['for=198.51.100.7;by="a,b;c=\\",d"'], "198.51.100.7"),  # what is quoted parts nothing
        (["for=198.51.100.7, for=unknown"], "10.0.0.1"),
        (["for=198.51.100.7, for=_secret"], "10.0.0.1"),
        (["for=198.51.100.7, proto=https"], "10.0.0.1"),
        (["for=203.0.113.1, for=198.51.100.7;for=10.0.0.2"], "10.0.0.1"),  # twice in one element
        # A client's open quote swallows nothing of what a proxy wrote.
        (['for="203.0.113.1, for=198.51.100.7'], "198.51.100.7"),
        (['for=203.0.113.1;x=", for="[2001:db8::5]:80"'], "2001:db8::5"),
        (['for=203.0.113.1;x="\\', 'for="[2001:db8::5]"'], "2001:db8::5"),
        (['for="203.0.113.1, for=10.0.0.2'], "10.0.0.2"),
        (["for=198.51.100.7, for=" + "1" * 5000], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_as_its_rfc_says(lines: list[str], client: str) -> None:
    assert ClientAddress(PROXIES, "forwarded").of("10.0.0.1", forwarded(*lines)) == client


@given(st.text(alphabet='for=10.0.0.2,;:"[]\\% \tx2', max_size=60), st.sampled_from(["forwarded", "x-forwarded-for"]))
def test_no_header_breaks_it_and_what_it_says_ends_where_trust_ends(junk: str, header: str) -> None:
    """Whatever a client sends, the proxy's own entry behind it decides."""
    address = ClientAddress(PROXIES, header)
    own = "for=198.51.100.7" if header == "forwarded" else "198.51.100.7"
    line = f"{junk}, {own}".encode("latin-1")
    assert address.of("10.0.0.1", [(header.encode(), line)]) == "198.51.100.7"
    found = address.of("10.0.0.1", [(header.encode(), junk.encode("latin-1"))])
    assert str(ipaddress.ip_address(found)) == found


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("", ""),
    ],
)
def test_a_host_is_an_ipv4_address_or_a_64(address: str, host: str) -> None:
    assert host_of(address) == host


def test_membership_by_hand() -> None:
    ranges = Ranges(["192.0.2.0/25", "192.0.2.128/25", "198.51.100.7", "2001:db8:1:2::9", "2001:db8:2::1/128"])
    inside = ["192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8:1:2::", "2001:db8:1:2:ffff::1", "2001:db8:2::1"]
    outside = ["192.0.1.255", "192.0.3.0", "198.51.100.8", "2001:db8:1:3::", "2001:db8:2::2", "", "nonsense"]
    assert [address for address in inside + outside if address in ranges] == inside
    assert "192.0.2.1" in Ranges(["::ffff:192.0.2.0/120"])
    assert "::ffff:192.0.2.1" in Ranges(["192.0.2.0/24"])
    assert "192.0.2.1" not in Ranges(["::/0"])
    assert not Ranges([])


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20),
    st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)), max_size=20),
    st.data(),
)
def test_membership_is_that_of_the_standard_library(
    four: list[tuple[int, int]], six: list[tuple[int, int]], data: st.DataObject
) -> None:
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [
        *(ipaddress.IPv4Network((number, length), strict=False) for number, length in four),
        *(ipaddress.IPv6Network((number, length), strict=False) for number, length in six),
    ]
    ranges = Ranges([str(network) for network in networks])
    edges = [
        ipaddress.ip_address(edge)
        for network in networks
        for edge in (network.network_address, network.broadcast_address)
    ]
    edges.append(ipaddress.IPv4Address(data.draw(st.integers(0, 2**32 - 1))))
    edges.append(ipaddress.IPv6Address(data.draw(st.integers(0, 2**128 - 1))))
    for address in edges:
        mapped = address.ipv4_mapped if address.version == 6 else None
        meant = mapped or address
        expected = any(meant in network for network in networks if network.version == meant.version)
        if mapped is None:
            assert (str(address) in ranges) == expected


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("10.0.0.1/8", "did you mean 10.0.0.0/8?"),
        ("2001:db8::1/32", "did you mean 2001:db8::/32?"),
        ("10.0.0.256", "give one like"),
        ("10.0.0.0/33", "give one like"),
        ("10.0.0.0/255.0.0.0", "did you mean 10.0.0.0/8?"),
        ("example.com", "give one like"),
        ("fe80::1%eth0", "give one like"),
        ("", "give one like"),
    ],
)
def test_what_is_no_range_is_named(text: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_ranges(["192.0.2.0/24", text], "access.ip_allow")
    assert str(caught.value).startswith(f"access.ip_allow: '{text}' ")
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^access\.trusted_proxies: "):
        ClientAddress([text], "x-forwarded-for")


def test_one_spelling() -> None:
    assert normalised("2001:0DB8::0001%3") == "2001:db8::1"
    assert normalised("1.2.3") is None
