"""Wrong keys from one address: so many a minute, then it has to wait.

No key can be guessed, so this is not what keeps a key secret. It keeps a flood of guesses, or a client whose key was
revoked, from costing a look-up each, and it is told to the client, which otherwise goes on.
"""

from collections import OrderedDict

from stillhouse.guard.access.address import host_of
from stillhouse.guard.refusal import Refusal

__all__ = ["FailedKeys"]

_SECONDS = 60.0


class FailedKeys:
    """Counts of this gateway alone: `per_minute` wrong keys in the minute that begins with the first of them.

    At most `most` addresses are kept (about 20 MB). An attacker with more than that has the oldest minutes forgotten,
    and so gains a few tries for as many requests; others are never refused for what he does.
    """

    def __init__(self, per_minute: int, most: int = 1 << 16) -> None:
        self.per_minute = per_minute
        self._most = most
        # In the order in which the minutes began, so those that are over come first. A plain dict looks through all
        # that was deleted at its front, each time.
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failed)

    def check(self, address: str, now: float) -> None:
        """Raises Refusal(rate_limit) while the address has to wait."""
        if not self._failed:
            return
        count, until = self._failed.get(host_of(address), (0, 0.0))
        if count >= self.per_minute and now < until:
            raise Refusal(
                "rate_limit",
                "key.too_many_failures",
                f"Too many wrong API keys came from this address; check the key, and try again in {until - now:.0f} s.",
                retry_after=until - now,
            )

    def failed(self, address: str, now: float) -> None:
        """A wrong key came from this address."""
        failed = self._failed
        host = host_of(address)
        count, until = failed.get(host, (0, 0.0))
        if now < until:
            failed[host] = (count + 1, until)
            return
        failed.pop(host, None)
        while failed:
            oldest = next(iter(failed))
            if len(failed) < self._most and now < failed[oldest][1]:
                break
            failed.popitem(last=False)
        failed[host] = (1, now + _SECONDS)
