"""The hunt that was published for advisory AA26-251A: fixed thresholds, nothing learnt.

From Huntbase's "Industrial-Scale AI Model Distillation" of 17 September 2026 (generated from the advisory's text,
which names no threshold): 20 accounts or more on one address within 14 days (`identify-account-clusters`), and more
than 10,000 requests within 14 days (`high-volume-api-requests`).

A hunt looks back over a log that is complete; here it decides as the log goes on. When an address sees its twentieth
account of the last 14 days, all twenty are flagged at that moment, and whoever comes after while it still has twenty.
The published count of requests is for each gateway, address and account; ours is for each account, which finds those
that change addresses too. Its counts of one user agent on an address and its list of domains only help an analyst;
they flag nobody there and are left out. Requests without an address are only counted for their account.
"""

from collections.abc import Iterable, Iterator

from bench.detection_baselines.baseline import Flag, flag_after, moment
from bench.detection_baselines.sliding import Sliding
from stillhouse.types import Exchange

__all__ = ["StaticHunt"]

_ACCOUNTS = 20
_REQUESTS = 10_000
_LOOK_BACK = 14 * 86_400_000


class StaticHunt:
    """Needs no honest traffic."""

    name = "static hunt, 20 accounts on an address or over 10,000 requests"

    def fit(self, honest: Iterable[Exchange]) -> None:
        """Reads nothing."""

    def flag(self, log: Iterable[Exchange]) -> Iterator[Flag]:
        flagged: set[str] = set()
        requests: dict[str, Sliding] = {}
        addresses: dict[str, _Address] = {}
        for exchange in log:
            time, account = moment(exchange), exchange.account
            address = exchange.client.get("ip")
            if isinstance(address, str):
                if address not in addresses:
                    addresses[address] = _Address()
                for other in addresses[address].crowd(account, time):
                    if other not in flagged:
                        flagged.add(other)
                        yield flag_after(exchange, f"{_ACCOUNTS} accounts or more on one address within 14 days", other)
            if account in flagged:
                requests.pop(account, None)
            elif requests.setdefault(account, Sliding(_LOOK_BACK, _REQUESTS)).add(time) > _REQUESTS:
                flagged.add(account)
                yield flag_after(exchange, f"more than {_REQUESTS:,} requests within 14 days")


class _Address:
    def __init__(self) -> None:
        self._last: dict[str, int] = {}  # when each account was last here, the longest ago first
        self._untold: dict[str, None] = {}  # those of them that no crowd has named yet

    def crowd(self, account: str, time: int) -> list[str]:
        """Accounts of the last 14 days that make a crowd with this one and were not named before, in that order."""
        last, untold = self._last, self._untold
        if last.pop(account, None) is None:
            untold[account] = None
        last[account] = time
        while time - last[oldest := next(iter(last))] >= _LOOK_BACK:
            del last[oldest]
            untold.pop(oldest, None)
        if len(last) < _ACCOUNTS:
            return []
        named = list(untold)
        untold.clear()
        return named
