"""Kills the gateway under load, again and again, and counts what it had promised: python -m recipes.gateway_kill.run

A gateway with `fsync: always` serves streams and whole answers to several clients at once, while keys are made, which
writes to its ledger. SIGKILL comes at a random moment. Then a new gateway starts on the same folder. At the end every
exchange whose complete answer a client has seen must be in the log, every line of the log must be an exchange, and the
ledger must verify. Exit 1 if one of these does not hold.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from recipes.result import Result
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.log.reading import SegmentReader
from tests.guard.running import Running, running
from tests.guard.stub import Asked, Step, Stub, chat_answer, chat_chunks, json_answer, stream

_CLIENTS = 16


def _answer(asked: Asked) -> list[Step]:
    """Streams and whole answers in turn, slow enough that a kill hits some in their middle."""
    if asked.body.get("stream"):
        return stream(chat_chunks(f"word{number} " for number in range(20)), gap=0.002)
    return [0.002, *json_answer(chat_answer("a whole answer " * 20))]


def _key(state: Any, kill: int) -> str:
    """The secret of a new key, which is also an entry in the ledger."""
    if kill == 0:
        state.registry.create_organisation(Organisation(id="org"))
        state.registry.create_account(Account(id="acct", organisation="org"))
    secret: str = state.registry.create_key("acct").secret
    return secret


async def _load(gateway: Running, state: Any, secret: str, seconds: float, kill: int) -> set[str]:
    """Ask with all clients until the gateway is killed after `seconds`; the ids of complete answers."""
    seen: set[str] = set()
    ended = asyncio.Event()

    async def client(number: int) -> None:
        async with aiohttp.ClientSession(headers={"authorization": f"Bearer {secret}"}) as session:
            for turn in range(1_000_000):
                streamed = (number + turn) % 2 == 0
                body = {"model": "served", "messages": [{"role": "user", "content": f"{kill} {number} {turn}"}]}
                try:
                    async with session.post(
                        f"{gateway.url}/v1/chat/completions", json=body | {"stream": streamed}
                    ) as answer:
                        content = await answer.read() if not streamed else await _until_done(answer.content)
                except aiohttp.ClientError:
                    if ended.is_set():
                        return
                    await asyncio.sleep(0.01)
                    continue
                if answer.status == 200 and content:
                    seen.add(answer.headers["x-request-id"])

    async def keys() -> None:
        while not ended.is_set():
            await asyncio.to_thread(_key, state, kill + 1)
            await asyncio.sleep(0.05)

    async def killer() -> None:
        await asyncio.sleep(seconds)
        ended.set()
        gateway.kill()

    await asyncio.gather(killer(), keys(), *(client(number) for number in range(_CLIENTS)))
    return seen


async def _until_done(content: aiohttp.StreamReader) -> bytes:
    """The stream up to its last event; empty where it ended before. What a client has seen counts at once."""
    async for line in content:
        if line == b"data: [DONE]\n":
            return line
    return b""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes.gateway_kill.run")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fsync", choices=("always", "interval"), default="always")
    parser.add_argument("--out", type=Path, default=Path("runs/gateway_kill"))
    options = parser.parse_args(argv)
    rng = random.Random(options.seed)
    say = Result()
    seen: set[str] = set()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, Stub(_answer) as stub:
        folder = Path(name)
        for kill in range(options.kills):
            with running(folder, stub.url, log={"fsync": options.fsync}) as gateway:
                state = gateway.state()
                secret = _key(state, kill)
                gateway.wait_for(secret)
                acknowledged = asyncio.run(_load(gateway, state, secret, rng.uniform(1.0, 3.0), kill))
            seen |= acknowledged
            say(f"kill {kill + 1:2}: {len(acknowledged):5} complete answers before it")
        kept = [exchange.id for exchange in SegmentReader(folder / "exchanges")]
        report = verify(folder / "guard.db")
    missing = seen - set(kept)
    twice = len(kept) - len(set(kept))
    say(f"{len(seen):,} complete answers seen by clients over {options.kills} kills, {len(missing)} missing in the log")
    say(f"{len(kept):,} exchanges in the log, {twice} twice, all lines read")
    say(f"ledger: {report.entries:,} entries, {report.fault_count} faults")
    say(f"{time.monotonic() - begun:.0f} s, fsync {options.fsync}")
    options.out.mkdir(parents=True, exist_ok=True)
    say.write(options.out, {"kills": options.kills, "seen": len(seen), "missing": len(missing), "twice": twice})
    return 1 if missing or twice or not report.holds or not seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
