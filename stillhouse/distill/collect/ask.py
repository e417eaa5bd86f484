"""Asks for many answers at once, and ends so that no answer that was paid for is lost.

Where nothing more can be asked (a budget is spent, a key is refused, the disk is full, Ctrl-C), no new call starts; the
model finishes the calls that are on the wire when it is left, and what they bring is still recorded.
"""

import asyncio
from collections.abc import Callable, Iterable

from stillhouse.distill.collect.items import Answers, Item
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.errors import CallError, EndpointError
from stillhouse.models.http import HttpModel
from stillhouse.types import Completion, Sampling

__all__ = ["ask"]


async def ask(
    model: HttpModel,
    items: Iterable[Item],
    answers: Answers,
    settings: CollectSettings,
    on_record: Callable[[bool], None],
    on_interrupt: Callable[[], None],
) -> None:
    """Enter `model`, put every item to it, and record each answer, or the error of a call that failed for good.

    `on_record(failed)` is called after each, `on_interrupt()` when Ctrl-C has come and calls are waited for. Raises
    BudgetError; EndpointError where nothing can be asked of the endpoint, or `give_up` calls failed one after another;
    StorageError. All that was answered is recorded by then.
    """
    queue = iter(items)
    stopped = False
    failures = 0

    async def put(item: Item) -> None:
        nonlocal failures
        try:
            completion = await _answer(model, item, settings)
        except CallError as error:
            if stopped:
                return  # It was not given all its tries, so it has not failed: it is still to be asked.
            answers.failed(item, str(error))
            on_record(True)
            failures += 1
            if failures == settings.give_up:
                raise EndpointError(
                    f"{failures} calls failed one after another (give_up), the last with: {error}"
                ) from None
        else:
            answers.answered(item, completion)
            on_record(False)
            failures = 0

    async def worker() -> None:
        nonlocal stopped
        try:
            while not stopped and (item := next(queue, None)) is not None:
                await put(item)
        except BaseException:
            # Whatever it is: no other worker begins a call before it is known.
            stopped = True
            raise

    workers: list[asyncio.Task[None]] = []
    try:
        async with model:
            try:
                workers += [asyncio.create_task(worker()) for _ in range(settings.teacher.endpoint.concurrency)]
                await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            except asyncio.CancelledError:
                on_interrupt()
                raise
            finally:
                stopped = True
    finally:
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _answer(model: HttpModel, item: Item, settings: CollectSettings) -> Completion:
    drawn = settings.sampling
    sampling = Sampling(max_tokens=drawn.max_tokens, temperature=drawn.temperature, top_p=drawn.top_p, seed=item.seed)
    return (await model.sample(item.messages, sampling))[0]
