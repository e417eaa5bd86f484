"""One call, as often as it takes: its turn, its part of the budget, its tries, its lines in the log.

A call keeps its turn while it waits for its next try, so an endpoint that is overloaded is asked less, not more.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from stillhouse.errors import CallError, EndpointError
from stillhouse.models.call_log import CallLog
from stillhouse.models.connection import FAILED, MALFORMED, QUOTA, UNUSABLE, Connection, Try, says_quota
from stillhouse.models.endpoint import CAPS, FACTORS, EndpointSettings
from stillhouse.models.refusal import forbidden, given_up, refused
from stillhouse.models.retry import FORBIDDEN, FORBIDDEN_IN_A_ROW, UNREACHABLE, is_final_for_all, is_passing, pause
from stillhouse.models.spending import Purse
from stillhouse.models.wire import FailedAnswer, MalformedAnswer, Wire

__all__ = ["Caller"]


class Caller:
    """Makes calls to one endpoint. `retries` counts further tries, `errors` failed tries by kind."""

    def __init__(
        self,
        name: str,
        settings: EndpointSettings,
        wire: Wire,
        connection: Connection,
        log: CallLog,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Random,
    ) -> None:
        self.retries = 0
        self.errors: Counter[str] = Counter()
        self._name = name
        self._settings = settings
        self._wire = wire
        self._connection = connection
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._purse = Purse(name, settings.budget, settings.prices, lambda: log.total)
        self._idle: set[asyncio.Task[Any]] = set()
        self._leaving = False
        self._refusal: str | None = None
        self._forbidden = 0

    async def call(
        self,
        request: Mapping[str, Any],
        check: Callable[[dict[str, Any]], object],
        keep: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> dict[str, Any]:
        """The response body. `check` raises MalformedAnswer to have it asked again, any other of its errors is final.

        `keep` gets the body while the call still has its turn: after a kill, no more answers than may be under way at
        once are paid for twice. Raises CallError if this call failed for good, EndpointError or BudgetError if no other
        could succeed either.
        """
        try:
            content = json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise CallError(f"{self._name}: the question holds half of a character and is no text; mend it") from None
        most = self._most(request, content)
        with self._waiting():
            await self._turns.acquire()
        try:
            if self._refusal is not None:
                raise EndpointError(self._refusal)
            if self._leaving:
                raise CallError(f"{self._name}: not asked any more; the caller has left")
            answer = await self._try_until_answered(request, content, check, most)
            await keep(answer)
            return answer
        finally:
            self._turns.release()

    async def leave(self, calls: set[asyncio.Task[Any]]) -> None:
        """End: those of `calls` that only wait are given up, the others are finished."""
        self._leaving = True
        for call in calls & self._idle:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Inside, the current call waits for nothing that is paid for."""
        this = asyncio.current_task()
        assert this is not None
        self._idle.add(this)
        try:
            yield
        finally:
            self._idle.discard(this)

    async def _try_until_answered(
        self,
        request: Mapping[str, Any],
        content: bytes,
        check: Callable[[dict[str, Any]], object],
        most: Mapping[str, int],
    ) -> dict[str, Any]:
        met: Counter[str] = Counter()
        for attempt in range(self._settings.retries + 1):
            tried = await self._try(request, content, check, most, attempt)
            if tried.body is not None and not tried.kind:
                self._forbidden = 0
                return tried.body
            met[tried.kind] += 1
            if not is_passing(tried.kind):
                raise self._refused(tried)
            if attempt < self._settings.retries and not self._leaving:
                await self._wait(attempt, tried)
                self.retries += 1
            else:
                break
        raise self._given_up(met, tried)

    async def _try(
        self,
        request: Mapping[str, Any],
        content: bytes,
        check: Callable[[dict[str, Any]], object],
        most: Mapping[str, int],
        attempt: int,
    ) -> Try:
        """One try, in the log. Each has a reservation of its own, since an answer that is of no use may be billed."""
        with self._waiting():
            await self._purse.reserve(most)
        try:
            began = self._clock()
            tried = await self._connection.post(self._settings.base_url + self._wire.path, content)
            told: Mapping[str, int] = {}
            unusable: EndpointError | None = None
            if tried.body is not None:
                told = self._wire.usage(tried.body)
                try:
                    check(tried.body)
                except MalformedAnswer as fault:
                    tried = replace(tried, kind=MALFORMED, message=self._connection.line(str(fault)))
                except FailedAnswer as fault:
                    kind = QUOTA if says_quota(str(fault)) else FAILED
                    tried = replace(tried, kind=kind, message=self._connection.line(str(fault)))
                except EndpointError as fault:
                    tried, unusable = replace(tried, kind=UNUSABLE, message=str(fault)), fault
            self._log.add(request, tried, told, most, began, attempt)
            if tried.kind:
                self.errors[tried.kind] += 1
            if unusable is not None:
                raise unusable
            return tried
        finally:
            await self._purse.settle(most)

    async def _wait(self, attempt: int, tried: Try) -> None:
        try:
            seconds = pause(self._name, self._settings, attempt, tried, self._clock(), self._random)
        except EndpointError as error:
            self._refusal = str(error)
            raise
        with self._waiting():
            await self._sleep(seconds)

    def _refused(self, tried: Try) -> EndpointError:
        self._forbidden += tried.kind == FORBIDDEN
        # Earlier parts of the run count: one that goes on may have nothing left to ask but what is forbidden.
        if tried.kind == FORBIDDEN and self._log.total.calls and self._forbidden < FORBIDDEN_IN_A_ROW:
            return CallError(forbidden(self._name, tried))
        line = refused(self._name, self._settings, tried)
        if not is_final_for_all(tried.kind):
            return CallError(line)
        self._refusal = line
        return EndpointError(line)

    def _given_up(self, met: Counter[str], last: Try) -> EndpointError:
        line = given_up(self._name, self._settings, met, last)
        if not UNREACHABLE.issuperset(met):
            return CallError(line)
        self._refusal = line
        return EndpointError(line)

    def _most(self, request: Mapping[str, Any], content: bytes) -> dict[str, int]:
        """The most that a call can take: no tokenizer makes more tokens than bytes, and each answer has a cap."""
        cap = max((request[name] for name in CAPS if name in request), default=0)
        answers = max(request.get(name, 1) for name in FACTORS)
        return {"input_tokens": len(content), "output_tokens": cap * answers}
