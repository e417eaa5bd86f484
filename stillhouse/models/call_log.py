"""Every try of an endpoint, failed ones too, as one line of a log, and the sum of what they cost.

The line is written before an answer is used or cached: after a kill, money that was spent is never missing from the
log. The log of an earlier part of the same run is read back first, so a budget holds for the run and not for the part.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from stillhouse.models.billed import may_be_billed
from stillhouse.models.connection import Try
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.spending import Spending, cost_usd, spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Exchange

__all__ = ["CallLog", "ulid"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(seconds: float, random: Random) -> str:
    """26 characters that sort by time: 48 bits of milliseconds, then 80 random ones (github.com/ulid/spec)."""
    value = (int(seconds * 1000) << 80) | random.getrandbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


class CallLog:
    """The exchanges of one model behind one endpoint; with `path` None they are only summed.

    `total` counts earlier parts of the run too, `here` only what this process asked. One process writes a file:
    RecordError if another one does.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        account: str,
        model: str,
        settings: EndpointSettings,
        user_agent: str,
        random: Random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.total = Spending()
        self.here = Spending()
        self._log = None if path is None else ExchangeLog(path)
        self._account = account
        self._model = model
        self._settings = settings
        self._client = {"user_agent": user_agent}
        self._clock = clock
        self._random = random

    def open(self) -> None:
        """Take the file, mend a line that a kill left half written, and sum what is in it."""
        if self._log is not None:
            self._log.path.parent.mkdir(parents=True, exist_ok=True)
            self._log.extend([])
            self.total = spending(self._log)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def add(
        self,
        request: Mapping[str, Any],
        tried: Try,
        told: Mapping[str, int],
        most: Mapping[str, int],
        began: float,
        attempt: int,
    ) -> None:
        """Keep one try, sent at `began`; `attempt` counts from 0. Where no answer came, `status` is 0.

        A try that does not tell what it took (`told` is empty) counts as `most`, and its line says so, unless it was
        surely not served (`may_be_billed`). An answer of no use is kept as it came and counts like any other.
        """
        now = self._clock()
        extra: dict[str, Any] = {"endpoint": self._settings.base_url, "attempt": attempt}
        estimated = not told and may_be_billed(tried.kind)
        usage = most if estimated else told
        if usage:
            extra["cost_usd"] = cost_usd(usage, self._settings.prices)
        if tried.kind:
            extra["error"] = {"kind": tried.kind, "message": tried.message}
        if estimated:
            extra["usage_estimated"] = True
        exchange = Exchange(
            id=f"ex_{ulid(now, self._random)}",
            time=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            account=self._account,
            model=self._model,
            api=self._settings.api,
            request=request,
            response=tried.body,
            usage=usage,
            client=self._client,
            status=tried.status or 0,
            latency_ms=round(max(0.0, now - began) * 1000, 3),
            extra=extra,
        )
        if self._log is not None:
            self._log.append(exchange)
        self.total, self.here = self.total.plus(exchange), self.here.plus(exchange)
