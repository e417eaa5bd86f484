"""The families' own libraries at the other end of a connection: what they make of a stream or an error of ours.

They run as users run them, over HTTP; only their retries are off.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anthropic
import openai

from tests.fault_server import FaultServer, Reply

__all__ = ["anthropic_reads", "openai_reads"]

T = TypeVar("T")
_STREAM = {"Content-Type": "text/event-stream"}


def openai_reads(body: bytes, ask: Callable[[openai.AsyncOpenAI], Awaitable[T]], status: int = 200) -> T:
    """What `ask` gets from a server that answers everything with `body`: as a stream where the status is 200."""

    async def run() -> T:
        reply = Reply(body, status, _STREAM if status == 200 else {})
        async with (
            FaultServer(lambda _: reply) as server,
            openai.AsyncOpenAI(api_key="k", base_url=server.url, max_retries=0) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


def anthropic_reads(body: bytes, ask: Callable[[anthropic.AsyncAnthropic], Awaitable[T]], status: int = 200) -> T:
    """The same for Anthropic's."""

    async def run() -> T:
        reply = Reply(body, status, _STREAM if status == 200 else {})
        async with (
            FaultServer(lambda _: reply) as server,
            anthropic.AsyncAnthropic(api_key="k", base_url=server.url.removesuffix("/v1"), max_retries=0) as client,
        ):
            return await ask(client)

    return asyncio.run(run())
