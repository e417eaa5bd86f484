"""One question to a judge, asked a second time if the reply cannot be read.

Every kind of judge asks through here, so that a reply that cannot be read means the same for all of them: another seed
and a reminder of the form, then a missing judgement with its reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from stillhouse.distill.judges.chance import number
from stillhouse.distill.judges.parse import Unreadable
from stillhouse.errors import CallError
from stillhouse.types import Message, Sampler, Sampling

__all__ = ["Reply", "ask", "together"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What was said last, and what was read in it; `value` is None and `missing` says why where that failed."""

    said: str
    value: T | None
    missing: str = ""


async def ask(
    model: Sampler, turns: Sequence[Message], sampling: Sampling, read: Callable[[str], T], reminder: str
) -> Reply[T]:
    """Ask once, and once more with another seed and `reminder` after the last turn where `read` raises Unreadable.

    A call that failed for good (CallError: too long for the model, or refused) is missing and not made again.
    Raises what ends all calls: EndpointError, BudgetError.
    """
    *above, last = turns
    reminded = [*above, Message(last.role, f"{last.content}\n\n{reminder}")]
    try:
        first = await _once(model, turns, sampling, read)
        if first.value is not None:
            return first
        return await _once(model, reminded, replace(sampling, seed=number(sampling.seed, "again")), read)
    except CallError as error:
        return Reply("", None, f"the call failed: {error}")


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """All of `calls` at once, results in order. The first error ends the others: no call is paid for in vain."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _once(model: Sampler, turns: Sequence[Message], sampling: Sampling, read: Callable[[str], T]) -> Reply[T]:
    [completion] = await model.sample(turns, sampling, 1)
    try:
        return Reply(completion.text, read(completion.text))
    except Unreadable as why:
        cut = f", cut off at max_tokens {sampling.max_tokens}" if completion.finish_reason == "length" else ""
        return Reply(completion.text, None, f"{why}{cut}")
