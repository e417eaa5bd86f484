"""A limit on how much one account asks in a minute and in a day: what every gateway has.

`calibrated` sets both limits on honest accounts: each is the 99.9 % quantile of what an honest account asks at most
in any minute (any day) of the reference, so at most one account in a thousand exceeds each. `fixed` has 60 a minute
and 10,000 a day, as plans have. Windows slide: a request counts for the 60 s (24 h) that begin with it, and an
account is flagged at the request that brings a window above its limit. Requests that failed count too.
"""

from collections.abc import Iterable, Iterator
from typing import Self

from bench.detection_baselines.baseline import Flag, flag_after, moment
from bench.detection_baselines.calibration import threshold
from bench.detection_baselines.sliding import Sliding
from stillhouse.errors import ConfigError
from stillhouse.types import Exchange

__all__ = ["RateLimit"]

_SPANS = {"minute": 60_000, "day": 86_400_000}
_SHARE = 0.001


class RateLimit:
    """Made by `calibrated()` or `fixed()`; `limits` are the requests allowed in a minute and in a day."""

    def __init__(self, name: str, limits: dict[str, int]) -> None:
        self.name = name
        self.limits = limits
        self._learns = not limits

    @classmethod
    def calibrated(cls) -> Self:
        return cls("rate limit, 99.9 % of honest accounts", {})

    @classmethod
    def fixed(cls, minute: int = 60, day: int = 10_000) -> Self:
        return cls(f"rate limit, {minute:,} a minute and {day:,} a day", {"minute": minute, "day": day})

    def fit(self, honest: Iterable[Exchange]) -> None:
        """Remembers a day of times of each account. Raises ConfigError where there is no account."""
        if not self._learns:
            return
        windows: dict[str, dict[str, Sliding]] = {}
        highest: dict[str, dict[str, int]] = {name: {} for name in _SPANS}
        for exchange in honest:
            time, account = moment(exchange), exchange.account
            if account not in windows:
                windows[account] = {name: Sliding(span) for name, span in _SPANS.items()}
            for name, window in windows[account].items():
                highest[name][account] = max(highest[name].get(account, 0), window.add(time))
        if not windows:
            raise ConfigError(f"{self.name}: the honest log holds no account; give one that does")
        self.limits = {name: int(threshold(list(counts.values()), _SHARE)) for name, counts in highest.items()}

    def flag(self, log: Iterable[Exchange]) -> Iterator[Flag]:
        if not self.limits:
            raise RuntimeError("fit comes before flag")
        windows: dict[str, dict[str, Sliding]] = {}
        flagged: set[str] = set()
        for exchange in log:
            time, account = moment(exchange), exchange.account
            if account in flagged:
                continue
            if account not in windows:
                windows[account] = {name: Sliding(_SPANS[name], most) for name, most in self.limits.items()}
            counts = {name: window.add(time) for name, window in windows[account].items()}
            over = [name for name, most in self.limits.items() if counts[name] > most]
            if over:
                flagged.add(account)
                del windows[account]
                yield flag_after(exchange, f"more than {self.limits[over[0]]:,} requests in a {over[0]}")
