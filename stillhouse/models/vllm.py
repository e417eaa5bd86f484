"""A model served by vLLM, for work that needs token ids: answers that are trained on, and scores of given answers.

`HttpModel` asks for text and may be anything behind an endpoint. Here the prompt goes out as token ids and ids come
back, because text that is encoded again need not give the same tokens. What is used of vLLM:

    POST /v1/completions        `prompt` as ids; `return_token_ids`, `logprobs: 0` for what was drawn and its
                                log-probability; `prompt_logprobs: k` for the k likeliest tokens at each place of a
                                given text, and the text's own (vllm/entrypoints/openai/completion/protocol.py)
    POST /collective_rpc        `{"method": "reload_weights", "kwargs": {"weights_path": folder}}`: every worker loads
                                that folder's safetensors in place (docs/training/layerwise.md)
    POST /reset_prefix_cache    keys and values of prompts that older weights have read

The last two exist where the server was started with `VLLM_SERVER_DEV_MODE=1` alone. Calls are made many at once,
`concurrency` of the settings, because a server that decodes one answer at a time is idle. They are neither kept nor
counted, so it takes ConnectionSettings, in which nothing can ask for that.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from stillhouse.errors import EndpointError
from stillhouse.models.connection import MALFORMED, Connection, status_kind
from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.http import USER_AGENT
from stillhouse.models.refusal import given_up, key_from, refused
from stillhouse.models.retry import is_passing, pause
from stillhouse.models.wire.base import merged
from stillhouse.types import Sampling

__all__ = ["Likeliest", "VllmServer", "Written"]

_TOKEN, _MOST_TOKENS = re.compile("[0-9]{1,9}"), 10**9


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as ids with the log-probability of each at temperature 1 (nats). `finish_reason`: `stop`, `length`."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Likeliest:
    """What a model thinks at one place of a text: its likeliest `tokens`, falling, with their `logprobs` in nats.

    `own` is the log-probability of the token that stands there.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    own: float


class VllmServer:
    """The model called `name` at `settings.base_url`, whose path ends in `/v1`. Not for use inside an event loop.

    What a method raises is an EndpointError, after the retries that the settings allow. ConfigError if the key is not
    in `environ`.
    """

    def __init__(
        self,
        name: str,
        settings: ConnectionSettings,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self.name, self.settings = name, settings
        self.place = f"{settings.base_url} (model '{name}')"
        self._key = key_from(environ, settings.key_env)
        self._environ = environ
        self._clock, self._sleep, self._random = clock, sleep, Random() if random is None else random

    def write(
        self, prompts: Sequence[Sequence[int]], sampling: Sampling, *, ends: frozenset[int], seeds: Sequence[int]
    ) -> list[Written]:
        """One answer to each of `prompts`, drawn with its own seed. A closing token of `ends` is part of it.

        Whatever the server's own defaults are, nothing but `temperature` and `top_p` shapes the draw.
        """
        bodies = [
            {
                "prompt": list(prompt),
                "max_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": -1,
                "min_p": 0.0,
                "repetition_penalty": 1.0,
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
                "seed": seed,
                "stop_token_ids": sorted(ends),
                "skip_special_tokens": False,
                "logprobs": 0,
                "return_token_ids": True,
            }
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        return [self._written(choice) for choice in self._complete(bodies)]

    def score(self, texts: Sequence[Sequence[int]], starts: Sequence[int], k: int) -> list[list[Likeliest]]:
        """For each of `texts`, what the model thinks at each place from the text's start in `starts` (>= 1) on.

        The `k` likeliest tokens, fewer if the vocabulary is smaller. The server has to allow that many
        (`--max-logprobs`), and it gives log-probabilities at temperature 1.
        """
        bodies = [{"prompt": list(text), "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": k} for text in texts]
        found = []
        for text, start, choice in zip(texts, starts, self._complete(bodies), strict=True):
            rows = choice.get("prompt_logprobs")
            if not isinstance(rows, list) or len(rows) != len(text):
                raise EndpointError(f"{self.place}: gives no prompt_logprobs; serve the model with vLLM")
            places = zip(rows[start:], text[start:], strict=True)
            found.append([_likeliest(self.place, row, token, k) for row, token in places])
        if len({len(row.tokens) for rows in found for row in rows}) > 1:
            raise EndpointError(f"{self.place}: gives fewer tokens than asked at some places; serve it with vLLM")
        return found

    def load(self, folder: Path) -> None:
        """Go on with the weights in `folder` (safetensors as of the model served), which the server has to see."""
        root = self.settings.base_url.removesuffix("/v1")
        reload = {"method": "reload_weights", "kwargs": {"weights_path": str(folder.resolve())}}
        self._each([(f"{root}/collective_rpc", reload)])
        (reset,) = self._each([(f"{root}/reset_prefix_cache", {})])
        if reset.get("success", True) is False:
            raise EndpointError(f"{self.place}: answers somebody else's calls while its weights change; stop those")

    def _complete(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        url = f"{self.settings.base_url}/completions"
        extra = self.settings.extra
        answers = self._each([(url, merged({"model": self.name, **body}, extra)) for body in bodies])
        return [_choice(self.place, answer) for answer in answers]

    def _written(self, choice: Mapping[str, Any]) -> Written:
        tokens: Any
        tokens, shown, reason = choice.get("token_ids"), choice.get("logprobs"), choice.get("finish_reason")
        logprobs: Any = shown.get("token_logprobs") if isinstance(shown, dict) else None
        whole = isinstance(tokens, list) and isinstance(logprobs, list) and 0 < len(tokens) == len(logprobs)
        if not whole or not all(map(_is_token, tokens)) or not all(map(_is_number, logprobs)):
            raise EndpointError(
                f"{self.place}: shows no token ids with log-probabilities; serve the model with a vLLM that knows "
                "return_token_ids"
            )
        if reason not in ("stop", "length"):
            raise EndpointError(f"{self.place}: ended an answer for the reason '{reason}'; look into its log")
        return Written(tuple(tokens), tuple(logprobs), reason)

    def _each(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to all of `calls` (address, body), in their order."""
        return asyncio.run(self._together(calls))

    async def _together(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        connection = Connection(self.settings, headers, self._key, self._environ)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(connection, url, body)) for url, body in calls]
        except* EndpointError as faults:
            raise faults.exceptions[0] from None
        finally:
            await connection.close()
        return [task.result() for task in tasks]

    async def _ask(self, connection: Connection, url: str, body: dict[str, Any]) -> dict[str, Any]:
        content, met = json.dumps(body).encode(), Counter[str]()
        control = not url.endswith("/completions")
        for attempt in range(self.settings.retries + 1):
            tried = await connection.post(url, content)
            if tried.body is not None:
                return tried.body
            if control and tried.kind == MALFORMED and tried.status == 200:
                return {}  # some versions answer with an empty body
            if control and tried.kind == status_kind(404):
                raise EndpointError(f"{self.place}: has no {url}; start vLLM with VLLM_SERVER_DEV_MODE=1")
            met[tried.kind] += 1
            if not is_passing(tried.kind):
                raise EndpointError(refused(self.place, self.settings, tried))
            if attempt < self.settings.retries:
                await self._sleep(pause(self.place, self.settings, attempt, tried, self._clock(), self._random))
        raise EndpointError(given_up(self.place, self.settings, met, tried))


def _choice(place: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        raise EndpointError(f"{place}: gave no single answer to a call; check that base_url is a vLLM server's")
    choice: dict[str, Any] = choices[0]
    return choice


def _is_token(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST_TOKENS


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < sys.float_info.max


def _likeliest(place: str, row: object, own: int, k: int) -> Likeliest:
    """One place of `prompt_logprobs`: the k likeliest tokens, and the text's own if it is none of them."""
    items = row.items() if isinstance(row, dict) else ()
    shown: dict[str, Any] = {token: one.get("logprob") if isinstance(one, dict) else None for token, one in items}
    if str(own) not in shown or not all(_TOKEN.fullmatch(t) and _is_number(logp) for t, logp in shown.items()):
        raise EndpointError(
            f"{place}: shows {json.dumps(row)[:60]} as prompt_logprobs of token {own}, not its log-probability and "
            "those of others; serve the model with vLLM"
        )
    found = {int(token): float(logp) for token, logp in shown.items()}
    order = sorted(found, key=lambda token: -found[token])[:k]
    return Likeliest(tuple(order), tuple(found[token] for token in order), found[own])
