"""How busy a judge behind an endpoint is kept, and what an answer from the cache costs.

A local llama.cpp server with one thread writes as fast as it can when plain HTTP connections, one a slot and without
anything of ours, ask it one question after the other. The same questions through `HttpModel`, with log and cache, must
reach at least 90 % of those tokens per second. Both sides ask for the same JSON verdicts, in changing order, and with
the server's own prompt cache off, so neither reads what the other left. Server and client have a core each where there
are two. Seconds in which the server was ready to compute and other programs had its core are taken off on both sides
(Linux counts them), because on a shared machine they differ more from run to run than what is measured.
"""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.results import Row
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.models.wire import ChatCompletions
from stillhouse.types import Message, Sampling
from tests.servers import llama_server, packaged_gguf

__all__ = ["main"]

_SCHEMA = {
    "type": "object",
    "properties": {"correct": {"type": "integer", "minimum": 1, "maximum": 5}, "because": {"type": "string"}},
    "required": ["correct", "because"],
    "additionalProperties": False,
}
_SAMPLING = Sampling(max_tokens=32, temperature=0.0, schema=_SCHEMA)
_EXTRA = {"cache_prompt": False}
_HITS = 200


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: tokens per second, ours against alone (at least 0.9 of it), and milliseconds of a cache hit (below 1)."""
    parser = argparse.ArgumentParser(prog="scripts/bench judge")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--questions", type=int, default=24)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(argv)
    mine = os.sched_getaffinity(0)
    before = ["taskset", "-c", str(max(mine))] if len(mine) > 1 and shutil.which("taskset") else []
    ours, alone, hits = [], [], []
    with (
        tempfile.TemporaryDirectory() as name,
        llama_server(packaged_gguf(), slots=options.slots, before=before) as url,
    ):
        if before:
            os.sched_setaffinity(0, mine - {max(mine)})
        try:
            questions = [_question(number) for number in range(options.questions)]
            clock = _clock_of(psutil.Process().children()[0].pid)
            _alone(url, questions[: options.slots], options.slots, clock)
            for run in range(options.runs):
                folder = Path(name) / str(run)
                for side in ("ours", "alone") if run % 2 else ("alone", "ours"):
                    if side == "alone":
                        alone.append(_alone(url, questions, options.slots, clock))
                    else:
                        rate, hit = asyncio.run(_ours(url, questions, options.slots, folder, clock))
                        ours.append(rate)
                        hits.append(hit)
        finally:
            os.sched_setaffinity(0, mine)
    return [
        Row.of(f"judge server of {options.slots} slots: under us against alone", ours, alone, "tokens/s"),
        Row.of(f"cache hit, median of {_HITS}", hits, None, "ms"),
    ]


def _question(number: int) -> list[Message]:
    answer = f"{number} + {number + 3} = {2 * number + 3 + number % 2}"
    return [
        Message("system", "You grade answers. Reply with JSON: how correct the answer is from 1 to 5, and why."),
        Message("user", f"Question: what is {number} + {number + 3}?\nAnswer: {answer}"),
    ]


def _clock_of(process: int) -> Callable[[], float]:
    """Seconds, without those in which the busiest thread of `process` waited for a core (plain seconds off Linux)."""
    tasks = Path(f"/proc/{process}/task")

    def clock() -> float:
        seconds = time.perf_counter()
        if not tasks.is_dir():
            return seconds
        ran_and_waited = [tuple(map(int, (task / "schedstat").read_text().split()[:2])) for task in tasks.iterdir()]
        return seconds - max(ran_and_waited)[1] / 1e9

    return clock


def _alone(url: str, questions: Sequence[Sequence[Message]], slots: int, clock: Callable[[], float]) -> float:
    """Tokens per second when `slots` threads, each with one connection, do nothing but ask."""
    place = urlsplit(url)
    bodies = iter([json.dumps(ChatCompletions().body("judge", ask, _SAMPLING, 1, _EXTRA)) for ask in questions])

    def ask_in_turn(_: int) -> int:
        connection = HTTPConnection(place.hostname or "", place.port)
        written = 0
        for body in bodies:
            connection.request("POST", f"{place.path}/chat/completions", body, {"Content-Type": "application/json"})
            written += json.loads(connection.getresponse().read())["usage"]["completion_tokens"]
        connection.close()
        return written

    with ThreadPoolExecutor(slots) as pool:
        began = clock()
        written = sum(pool.map(ask_in_turn, range(slots)))
        return written / (clock() - began)


async def _ours(
    url: str, questions: Sequence[Sequence[Message]], slots: int, folder: Path, clock: Callable[[], float]
) -> tuple[float, float]:
    """Tokens per second through HttpModel, and the median milliseconds of one answer from its cache."""
    settings = EndpointSettings(base_url=url, concurrency=slots, extra=_EXTRA)
    async with HttpModel(
        "judge", settings, account="bench", cache=folder / "cache", log=folder / "log.jsonl", environ={}
    ) as model:
        start = clock()
        await asyncio.gather(*(model.sample(ask, _SAMPLING) for ask in questions))
        rate = model.usage.output_tokens / (clock() - start)
        taken = []
        for hit in range(_HITS):
            began = time.perf_counter()
            await model.sample(questions[hit % len(questions)], _SAMPLING)
            taken.append((time.perf_counter() - began) * 1000)
    return rate, sorted(taken)[_HITS // 2]
