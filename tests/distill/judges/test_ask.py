"""One question, at most twice, and all of a batch ended by the first error."""

import asyncio
from collections.abc import Sequence

import pytest

from stillhouse.distill.judges.ask import ask, together
from stillhouse.distill.judges.parse import integer, object_in
from stillhouse.errors import BudgetError, CallError
from stillhouse.types import Completion, Message, Sampling
from tests.distill.judges.readers import Scripted

TURNS = [Message("system", "You judge."), Message("user", "How good?")]
SAMPLING = Sampling(max_tokens=50, seed=7)
GOOD = '{"score": 4}'


def read(text: str) -> int:
    return integer(object_in(text), "score", 1, 5)


def test_a_good_reply_is_asked_for_once() -> None:
    model = Scripted(GOOD)
    reply = asyncio.run(ask(model, TURNS, SAMPLING, read, "As JSON!"))
    assert (reply.value, reply.said, reply.missing) == (4, GOOD, "")
    assert model.asked == [(TURNS, SAMPLING)]


def test_an_unreadable_one_is_asked_for_again_with_another_seed_and_a_reminder() -> None:
    model = Scripted("It is good.", GOOD)
    assert asyncio.run(ask(model, TURNS, SAMPLING, read, "As JSON!")).value == 4
    turns, sampling = model.asked[1]
    assert turns == [TURNS[0], Message("user", "How good?\n\nAs JSON!")]
    assert sampling.seed not in (None, 7) and sampling.max_tokens == 50


def test_two_unreadable_ones_are_missing_with_the_reason_of_the_last() -> None:
    model = Scripted("It is good.", '{"score": 9}')
    reply = asyncio.run(ask(model, TURNS, SAMPLING, read, "As JSON!"))
    assert (reply.value, reply.said, reply.missing) == (None, '{"score": 9}', "'score' is 9, outside 1 to 5")
    assert len(model.asked) == 2


def test_a_reply_that_was_cut_off_says_at_what() -> None:
    reply = asyncio.run(ask(Scripted('{"score', finish_reason="length"), TURNS, SAMPLING, read, "As JSON!"))
    assert reply.missing == "its JSON is unfinished or malformed, cut off at max_tokens 50"


class Broke:
    """Has money for two calls; all others wait for long."""

    name = "broke"

    def __init__(self) -> None:
        self.calls = self.cancelled = 0

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        self.calls += 1
        if self.calls == 3:
            raise BudgetError("all 10 tokens are spent; raise budget.tokens")
        if self.calls > 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return [Completion(text=GOOD)]


def test_the_first_error_ends_the_other_calls() -> None:
    model = Broke()

    async def all_of_them() -> None:
        try:
            await together(ask(model, TURNS, SAMPLING, read, "As JSON!") for _ in range(6))
        finally:
            await asyncio.sleep(0)

    with pytest.raises(BudgetError, match="raise budget"):
        asyncio.run(all_of_them())
    assert (model.calls, model.cancelled) == (6, 3)


def test_a_call_that_failed_for_good_is_missing() -> None:
    """Of one question; others go on. It is not asked again: the client has tried as often as makes sense."""

    class TooLong(Scripted):
        async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
            if not self.asked:
                return await super().sample(messages, sampling, n)
            raise CallError("HTTP 400 (context of 8192 tokens); change the request")

    model = TooLong("prose")
    reply = asyncio.run(ask(model, TURNS, SAMPLING, read, "As JSON!"))
    assert (reply.value, reply.said) == (None, "") and reply.missing.startswith("the call failed: HTTP 400")


def test_results_keep_their_order() -> None:
    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def both() -> list[float]:
        return await together([after(0.02), after(0.0)])

    assert asyncio.run(both()) == [0.02, 0.0]
