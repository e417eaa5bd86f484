"""A model behind an endpoint: asked politely, paid for once, and every exchange kept.

    async with HttpModel("qwen", settings, account="run-1", cache=folder, log=file, environ=os.environ) as model:
        answers = await model.sample([Message("user", "What is 2 + 2?")], Sampling(max_tokens=16), n=4)

A question that was answered before comes from the cache and costs nothing; so an identical question gives identical
answers, also a sampled one. Whoever wants fresh draws passes another `Sampling.seed`: it is part of the question even
where the API has no field for it.

Two classes of errors tell a caller what to do. `CallError`: this call failed for good, go on with the next. Any other
EndpointError (a wrong key, no such model, nobody there) and BudgetError: nothing more can be asked, stop. After the
former, calls that have not begun fail at once. Calls under way when a caller stops are finished and kept on leaving.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

from stillhouse import __version__
from stillhouse.errors import EndpointError
from stillhouse.models.answer_cache import AnswerCache, request_key
from stillhouse.models.call_log import CallLog
from stillhouse.models.caller import Caller
from stillhouse.models.connection import Connection
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.refusal import key_from
from stillhouse.models.wire import WIRES, Completions, FailedAnswer, MalformedAnswer, TokenLogprob
from stillhouse.types import Completion, Message, Sampling

__all__ = ["USER_AGENT", "HttpModel", "Usage"]

USER_AGENT = f"stillhouse/{__version__} (+model distillation client)"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What this process has asked: answered calls and what they took.

    `errors` counts failed tries by kind, `damaged_entries` those of the cache that could not be used.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    cache_hits: int
    damaged_entries: int
    retries: int
    errors: Mapping[str, int]


class HttpModel:
    """A `Sampler` over HTTP; an async context manager, used inside one event loop.

    `name` is what the server calls the model. `account` goes into every exchange. `cache` is a folder, `log` a file
    that this process alone writes; either may be None. The key is taken from `environ` under `settings.key_env`:
    ConfigError if nothing is there. Proxies and trusted authorities come from `environ` too.
    """

    def __init__(
        self,
        name: str,
        settings: EndpointSettings,
        *,
        account: str,
        cache: Path | None,
        log: Path | None,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self.settings = settings
        self._name = name
        self._wire = WIRES[settings.api]
        self._cache = None if cache is None else AnswerCache(cache)
        self._hits = 0
        self._calls: set[asyncio.Task[dict[str, Any]]] = set()
        self._flights: dict[str, asyncio.Task[dict[str, Any]]] = {}
        key = key_from(environ, settings.key_env)
        headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json", **self._wire.headers(key)}
        chance = Random() if random is None else random
        self._connection = Connection(settings, headers, key, environ)
        self._log = CallLog(
            log, account=account, model=name, settings=settings, user_agent=USER_AGENT, clock=clock, random=chance
        )
        place = f"{settings.base_url} (model '{name}')"
        self._place = place
        self._caller = Caller(
            place, settings, self._wire, self._connection, self._log, clock=clock, sleep=sleep, random=chance
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def usage(self) -> Usage:
        """What was asked since this object was made."""
        here = self._log.here
        return Usage(
            calls=here.calls,
            input_tokens=here.input_tokens,
            output_tokens=here.output_tokens,
            usd=here.usd,
            cache_hits=self._hits,
            damaged_entries=0 if self._cache is None else self._cache.damaged,
            retries=self._caller.retries,
            errors=dict(self._caller.errors),
        )

    async def __aenter__(self) -> Self:
        self._log.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._caller.leave(set(self._calls))
        await self._connection.close()
        self._log.close()

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """`n` answers, in one call where the API and the settings allow it, else in `n`.

        Raises CallError, EndpointError or BudgetError; see the module.
        """
        if n < 1:
            raise ValueError(f"n is {n}; at least one answer must be asked for")
        together = n if self._wire.knows_n and self.settings.n_field else 1
        calls = [self._draw(messages, sampling, together, draw) for draw in range(n // together)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [completion for one in found if not isinstance(one, BaseException) for completion in one]

    async def logprobs(self, text: str | Sequence[int], *, top: int = 1) -> list[TokenLogprob]:
        """log p(token | the tokens before it) in nats for each token of `text`, or of token ids; entry 0 is 0.0.

        Needs a `completions` endpoint that knows `echo`; EndpointError otherwise. The last token of a string may reach
        beyond it, where the model writes on inside that token.
        """
        wire = self._wire
        remedy = "use a judge, load the teacher's weights here, or serve them with a server that knows `echo`"
        if not isinstance(wire, Completions):
            raise EndpointError(
                f"{self._place}: api '{wire.api}' gives no log-probabilities of a given text; set api to "
                f"'completions' if the server has it, else {remedy}"
            )
        request = wire.scoring_body(self._name, text, top, self.settings.extra)

        def read(answer: dict[str, Any]) -> list[TokenLogprob]:
            found = wire.scored(answer, text)
            if not found:
                raise EndpointError(f"{self._place}: gives no log-probabilities of a given text; {remedy}")
            return found

        return await self._ask(request, {"seed": None, "draw": 0}, read)

    async def _draw(
        self, messages: Sequence[Message], sampling: Sampling, together: int, draw: int
    ) -> list[Completion]:
        sampling = replace(sampling, seed=_seed_of(sampling.seed, draw))
        request = self._wire.body(self._name, messages, sampling, together, self.settings.extra)
        unsaid = {"seed": None if self._wire.knows_seed else sampling.seed, "draw": draw}

        def read(answer: dict[str, Any]) -> list[Completion]:
            found = self._wire.completions(answer, request)
            if len(found) < together:
                raise EndpointError(
                    f"{self._place}: gave {len(found)} of {together} answers in one call; set n_field to false"
                )
            return found[:together]

        return await self._ask(request, unsaid, read)

    async def _ask(
        self, request: Mapping[str, Any], unsaid: Mapping[str, int | None], read: Callable[[dict[str, Any]], T]
    ) -> T:
        """What `read` makes of the answer: from the cache, from the same call under way, or from the endpoint."""
        if self._cache is None:
            return read(await asyncio.shield(self._start(request, read, None)))
        key = request_key(self.settings.base_url, self._wire.api, request, unsaid)
        flight = self._flights.get(key)
        if flight is not None:
            self._hits += 1
            return read(await asyncio.shield(flight))
        kept = self._cache.get(key)
        if kept is not None:
            try:
                found = read(kept)
            except (MalformedAnswer, FailedAnswer, EndpointError):
                # What a check lets through today may be stricter than when this was kept.
                self._cache.damaged += 1
            else:
                self._hits += 1
                return found
        flight = self._start(request, read, key)
        self._flights[key] = flight
        flight.add_done_callback(lambda _: self._flights.pop(key))
        return read(await asyncio.shield(flight))

    def _start(
        self, request: Mapping[str, Any], check: Callable[[dict[str, Any]], object], key: str | None
    ) -> asyncio.Task[dict[str, Any]]:
        """The call as a task of its own: whoever stops waiting for it does not stop it, because it is paid for."""

        async def keep(answer: dict[str, Any]) -> None:
            if self._cache is not None and key is not None:
                await asyncio.to_thread(self._cache.put, key, answer)

        task = asyncio.create_task(self._caller.call(request, check, keep))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task


def _seed_of(seed: int | None, draw: int) -> int | None:
    """The seed of a further draw: far from those of other draws and of neighbouring seeds."""
    if seed is None or draw == 0:
        return seed
    return int.from_bytes(sha256(f"{seed}/{draw}".encode()).digest()[:4]) >> 1
