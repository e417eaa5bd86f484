"""Who is at the other end: the client's true address behind proxies, and sets of addresses.

An address in a header is worth what the hop that wrote it is worth. So the walk goes from our own end of the chain
outwards and stops at the first hop that nobody vouches for: whatever stands further left, that hop may have made up.
"""

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from stillhouse.errors import ConfigError

__all__ = ["ClientAddress", "Headers", "Ranges", "check_ranges", "host_of", "normalised"]

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""

_IPV6_HOST = 64  # a customer is given a /64 at least, and moves within it at will
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
_MAPPED_BITS = 96
_LONGEST_ELEMENT = 1024
_PEERS = 4096


@lru_cache(maxsize=1 << 14)
def _packed(text: str) -> bytes | None:
    """The 4 or 16 bytes of an address, 4 where it is an IPv4 address mapped into IPv6; None where it is none."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def normalised(address: str) -> str | None:
    """The one spelling of an address (RFC 5952), without zone; IPv4 where mapped into IPv6. None where it is none."""
    packed = _packed(address)
    return None if packed is None else _text(packed)


@lru_cache(maxsize=1 << 14)
def host_of(address: str) -> str:
    """The unit that counts as one client: an IPv4 address, or the /64 of an IPv6 address (`2001:db8:0:1::/64`)."""
    packed = _packed(address)
    if packed is None or len(packed) == 4:
        return address if packed is None else _text(packed)
    return f"{_text(packed[:8] + bytes(8))}/{_IPV6_HOST}"


class Ranges:
    """A set of addresses. `texts` are addresses and CIDR ranges; an IPv6 address alone stands for its /64.

    Kept as sorted, disjoint intervals of integers, so membership is one bisection whatever the number of ranges.
    Raises ConfigError where a text is no range.
    """

    __slots__ = ("_ends4", "_ends6", "_starts4", "_starts6")

    def __init__(self, texts: Iterable[str], place: str = "ranges") -> None:
        four: list[tuple[int, int]] = []
        six: list[tuple[int, int]] = []
        for text in texts:
            network = _network(text, place)
            start = int(network.network_address)
            (four if network.version == 4 else six).append((start, start + network.num_addresses - 1))
        self._starts4, self._ends4 = _disjoint(four)
        self._starts6, self._ends6 = _disjoint(six)

    def __bool__(self) -> bool:
        return bool(self._starts4 or self._starts6)

    def __contains__(self, address: str) -> bool:
        """Whether the address lies in one of the ranges; what is no address lies in none."""
        packed = _packed(address)
        if packed is None:
            return False
        starts, ends = (self._starts4, self._ends4) if len(packed) == 4 else (self._starts6, self._ends6)
        number = int.from_bytes(packed, "big")
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= ends[at]


def check_ranges(texts: Iterable[str], place: str) -> None:
    """ConfigError, opened by `place`, for the first text that is neither an address nor a range."""
    for text in texts:
        _network(text, place)


def _network(text: str, place: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    address, slash, length = text.partition("/")
    try:
        if not slash and "%" not in address:
            packed = _packed(address)
            if packed is not None and len(packed) == 16:
                return ipaddress.IPv6Network((packed, _IPV6_HOST), strict=False)
            if packed is not None:
                return ipaddress.IPv4Network(packed)
        if slash and length.isdecimal():
            network = ipaddress.ip_network(text)
            if network.version == 6 and network.prefixlen >= _MAPPED_BITS:
                mapped = network.network_address.ipv4_mapped
                if mapped is not None:
                    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
            return network
    except ValueError:
        pass
    raise ConfigError(f"{place}: '{text}' is no address and no range; {_remedy(text)}")


def _remedy(text: str) -> str:
    try:
        if "/" in text and "%" not in text:
            return f"did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        pass
    return "give one like 203.0.113.7, 203.0.113.0/24, 2001:db8::1 or 2001:db8::/48"


def _disjoint(spans: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Starts and ends of the same set without overlaps, in order."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(spans):
        if ends and start <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


class ClientAddress:
    """Finds the client's address: the peer itself, or what trusted proxies say in `header`.

    `header` is a list of addresses as X-Forwarded-For is (a header with one address is a list of one), or `forwarded`
    (RFC 7239). Raises ConfigError where `trusted_proxies` holds what is no range.
    """

    def __init__(self, trusted_proxies: Sequence[str], header: str) -> None:
        self._trusted = Ranges(trusted_proxies, "access.trusted_proxies")
        self._header = header.lower().encode("latin-1")
        self._hops = _forwarded if self._header == b"forwarded" else _listed
        self._peers: dict[str, tuple[str, bool]] = {}

    def trusts(self, peer: str) -> bool:
        """Whether headers from this peer about the client are believed."""
        return self._peer(peer)[1]

    def of(self, peer: str, headers: Headers) -> str:
        """The client's address in its one spelling. A peer that is no address is returned as it is, and not trusted.

        The last hop that can be read is the answer where one further out cannot, and where all of them are trusted.
        """
        address, trusted = self._peer(peer)
        if not trusted:
            return address
        name = self._header
        lines = [value for found, value in headers if found == name]
        if not lines:
            return address
        for hop in self._hops((lines[0] if len(lines) == 1 else b",".join(lines)).decode("latin-1")):
            packed = None if hop is None else _node(hop)
            if packed is None:
                break
            address = _text(packed)
            if address not in self._trusted:
                break
        return address

    def _peer(self, peer: str) -> tuple[str, bool]:
        known = self._peers.get(peer)
        if known is None:
            address = normalised(peer)
            known = (peer, False) if address is None else (address, address in self._trusted)
            if len(self._peers) >= _PEERS:
                self._peers.clear()
            self._peers[peer] = known
        return known


def _node(text: str) -> bytes | None:
    """The address in one entry, which may have a port, brackets around IPv6, a zone, and quotes around all of it."""
    text = text.strip(" \t")
    if len(text) >= 2 and text[0] == '"' == text[-1]:
        text = text[1:-1]
    port = ""
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in text or (port and port[0] != ":"):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        port = ":" + port
    if port and not _is_port(port[1:]):
        return None
    return _packed(text)


def _is_port(text: str) -> bool:
    """A number, or a name that stands for one (RFC 7239, section 6.3)."""
    return (text.isdecimal() and len(text) <= 5) or (len(text) > 1 and text[0] == "_")


def _listed(value: str) -> Iterator[str | None]:
    """Entries of a comma-separated list from the right; empty ones count as absent (RFC 9110, section 5.6.1)."""
    while value:
        value, _, entry = value.rpartition(",")
        if entry.strip(" \t"):
            yield entry


def _forwarded(value: str) -> Iterator[str | None]:
    """What each element of a Forwarded header has as `for`, from the right; None where an element is malformed.

    Read from the right because only there is the text one that a trusted proxy wrote: an open quote that a client put
    further left can so not swallow it.
    """
    end = len(value)
    while end > 0:
        start = _start_of_element(value, end)
        if start is None:
            yield None
            return
        element = value[start:end]
        if element.strip(" \t"):
            yield _for_of(element)
        end = start - 1


def _start_of_element(value: str, end: int) -> int | None:
    """Where the element that ends at `end` begins; None where its quotes do not close or it is absurdly long."""
    before = max(end - _LONGEST_ELEMENT, 0)
    tail = value[before:end]
    comma = tail.rfind(",")
    if comma >= 0 and '"' not in tail[comma:]:
        return before + comma + 1
    quoted = False
    for at in range(len(tail) - 1, -1, -1):
        letter = tail[at]
        if letter == '"':
            slashes = at - len(tail[:at].rstrip("\\"))
            quoted = quoted if slashes % 2 else not quoted
        elif letter == "," and not quoted:
            return before + at + 1
    return None if quoted or before else 0


def _for_of(element: str) -> str | None:
    found = None
    for pair in _pairs(element):
        name, equals, node = pair.partition("=")
        if name.strip(" \t").lower() == "for":
            if found is not None or not equals:
                return None
            found = node
    return found


def _pairs(element: str) -> Iterator[str]:
    """The parts of an element between semicolons that stand outside of quotes."""
    if '"' not in element:
        yield from element.split(";")
        return
    begun, quoted, escaped = 0, False, False
    for at, letter in enumerate(element):
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == ";" and not quoted:
            yield element[begun:at]
            begun = at + 1
    yield element[begun:]
