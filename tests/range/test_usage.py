"""Tokens, cached tokens and times, worked by hand: four characters a token, blocks of sixteen."""

from typing import Any

import pytest

from stillhouse.range.cast import Account, Ask
from stillhouse.range.usage import REFUSED, PrefixCache, latency, size_of, status_of
from stillhouse.range.wire import answered, called, returned, said

MINUTE = 60_000


def ask(time: int, *messages: Any, account: str = "a", system: str = "", organisation: str | None = None) -> Ask:
    owner = Account(account, "chat.completions", {}, organisation)
    return Ask(time, owner, {}, system, messages, answered("y" * 80), {})


OPENING = said("x" * 400)
LATER = (OPENING, answered("y" * 80).message, said("z" * 40))


def cached(cache: PrefixCache, one: Ask) -> int:
    return cache.usage(one)["cached_input_tokens"]


def test_a_conversation_that_goes_on_is_cached_up_to_its_new_turn() -> None:
    cache = PrefixCache()
    first = cache.usage(ask(0, OPENING))
    assert first == {"input_tokens": 105, "output_tokens": 21, "reasoning_tokens": 0, "cached_input_tokens": 0}
    # 400 + 80 characters were there before: 120 tokens, seven whole blocks.
    assert cached(cache, ask(MINUTE, *LATER)) == 112


def test_another_account_finds_nothing_and_another_of_the_organisation_does() -> None:
    cache = PrefixCache()
    cache.usage(ask(0, OPENING))
    assert cached(cache, ask(MINUTE, *LATER, account="b")) == 0
    cache.usage(ask(0, OPENING, account="c", organisation="o"))
    assert cached(cache, ask(MINUTE, *LATER, account="d", organisation="o")) == 112


def test_what_is_older_than_ten_minutes_is_forgotten() -> None:
    cache = PrefixCache()
    cache.usage(ask(0, OPENING))
    assert cached(cache, ask(11 * MINUTE, *LATER)) == 0
    assert len(cache._known) == 1


def test_a_system_text_is_cached_from_the_second_conversation_on() -> None:
    cache = PrefixCache()
    cache.usage(ask(0, said("one"), system="s" * 256))
    assert cached(cache, ask(1, said("two"), system="s" * 256)) == 64
    assert cached(cache, ask(2, said("two"), system="t" * 256)) == 0


def test_cached_tokens_never_exceed_the_input() -> None:
    cache = PrefixCache()
    cache.usage(ask(0, *LATER))
    again = cache.usage(ask(1, OPENING))
    assert again["cached_input_tokens"] <= again["input_tokens"]


def test_sizes_count_calls_and_results() -> None:
    assert size_of(said("abc")) == 3
    assert size_of(called("chat.completions", "c", "read", '{"p": 1}', {"p": 1}).message) == 12
    assert size_of(returned("messages", "c", "found")) == 5


@pytest.mark.parametrize(("luck", "expected"), [(0.0, 120 + 25 + 220), (0.5, 120 + 50 + 25 + 300)])
def test_latency_is_a_wait_the_fresh_prompt_and_the_answer(luck: float, expected: float) -> None:
    usage = {"input_tokens": 148, "cached_input_tokens": 48, "output_tokens": 20}
    assert latency(luck, usage, 200) == expected
    assert 3 <= latency(luck, usage, 429) <= 40


def test_a_share_of_requests_is_refused_for_two_reasons() -> None:
    found = [status_of(luck) for luck in range(1 << 16)]
    refused = [status for status in found if status != 200]
    assert len(refused) / len(found) == pytest.approx(REFUSED, rel=0.01)
    assert refused.count(429) == refused.count(503)
