"""Batched, cached decoding against one prompt at a time without a cache, token for token."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout, generate, repeats
from stillhouse.distill.sampling import uniforms
from stillhouse.types import Sampling
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model

VOCABULARY = 290
NO_EOS: frozenset[int] = frozenset()
Prompts = Sequence[tuple[str, Sequence[int]]]


def prompts(lengths: Sequence[int], beginning: Sequence[int] = (), seed: int = 0) -> list[tuple[str, list[int]]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (f"p{i}", [*beginning, *torch.randint(3, VOCABULARY, (n,), generator=generator).tolist()])
        for i, n in enumerate(lengths)
    ]


def answer(
    model: Any, given: Prompts, sampling: Sampling, eos: frozenset[int], batch: int, told: list[int] | None = None
) -> list[Rollout]:
    return generate(
        model,
        Network(model, VOCABULARY).head,
        given,
        sampling,
        eos=eos,
        uniforms=uniforms(1, 2, len(given), sampling.max_tokens),
        batch=batch,
        source="student",
        progress=None if told is None else told.append,
    )


def looping(written: Sequence[int], window: int) -> bool:
    """Plainly: some cycle of at most a third of the window makes up all of the window."""
    tail = list(written[-window:])
    return any(all(tail[i] == tail[i % period] for i in range(window)) for period in range(1, window // 3 + 1))


@torch.no_grad()
def naive(model: Any, given: Prompts, sampling: Sampling, eos: frozenset[int]) -> list[Rollout]:
    numbers = uniforms(1, 2, len(given), sampling.max_tokens)
    answers = []
    for row, (identity, prompt) in enumerate(given):
        written: list[int] = []
        logprobs: list[float] = []
        reason = "length"
        while len(written) < sampling.max_tokens:
            logits = model(torch.tensor([[*prompt, *written]]), use_cache=False).logits[0, -1, :VOCABULARY].double()
            logp = torch.log_softmax(logits / (sampling.temperature or 1.0), dim=-1)
            if sampling.temperature == 0:
                token = int(logp.argmax())
            else:
                running = np.cumsum(logp.exp().numpy())
                token = int(np.searchsorted(running, numbers[row, len(written)].item(), side="right"))
            written.append(token)
            logprobs.append(float(logp[token]))
            if token in eos:
                reason = "stop"
                break
            window = sampling.repetition_stop
            if window and len(written) >= window and len(written) % 8 == 0 and looping(written, window):
                reason = "repetition"
                break
        answers.append(Rollout(identity, tuple(prompt), tuple(written), tuple(logprobs), reason, "student"))
    return answers


def assert_same(got: list[Rollout], expected: list[Rollout]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        assert (mine.prompt_id, mine.prompt_tokens) == (theirs.prompt_id, theirs.prompt_tokens)
        assert mine.tokens == theirs.tokens
        assert mine.finish_reason == theirs.finish_reason and mine.source == theirs.source
        assert mine.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


@pytest.mark.parametrize("lengths", [(5, 1, 9, 3, 12, 7), (4, 4, 4, 4)])
@pytest.mark.parametrize("beginning", [(), (40, 41, 42)])
@FAMILIES
def test_equals_decoding_one_by_one_without_a_cache(
    family: str, beginning: Sequence[int], lengths: Sequence[int], tiny_llama: TinyLlama
) -> None:
    """Windows of four tokens are shorter than prompts and answers; a tenth of all tokens end a turn."""
    model, eos = family_model(family, tiny_llama), frozenset(range(0, VOCABULARY, 10))
    given, sampling = prompts(lengths, beginning), Sampling(max_tokens=14)
    expected = naive(model, given, sampling, eos)
    assert_same(answer(model, given, sampling, eos, batch=16), expected)
    assert len({len(r.tokens) for r in expected}) > 1, "rows must end at different times for this to test it"


def test_batch_size_and_company_change_no_answer(tiny_llama: TinyLlama) -> None:
    model, eos = tiny_llama(), frozenset(range(0, VOCABULARY, 20))
    given, sampling = prompts([int(n) for n in torch.randperm(13) + 1]), Sampling(max_tokens=20, temperature=0.8)
    expected = naive(model, given, sampling, eos)
    assert {r.finish_reason for r in expected} == {"stop", "length"}
    for batch in (1, 2, 5, 13, 64):
        assert_same(answer(model, given, sampling, eos, batch), expected)


def test_answers_come_in_the_order_of_the_prompts(tiny_llama: TinyLlama) -> None:
    given = prompts([9, 2, 5, 1, 7])
    answers = answer(tiny_llama(), given, Sampling(max_tokens=3), NO_EOS, batch=2)
    assert [(r.prompt_id, list(r.prompt_tokens)) for r in answers] == given


def test_end_is_the_last_token_and_part_of_the_answer(tiny_llama: TinyLlama) -> None:
    eos = frozenset(range(0, VOCABULARY, 5))
    answers = answer(tiny_llama(), prompts([3] * 20), Sampling(max_tokens=12), eos, batch=8)
    stopped = [r for r in answers if r.finish_reason == "stop"]
    assert len(stopped) > 10
    for r in answers:
        assert len(r.logprobs) == len(r.tokens)
        assert (r.tokens[-1] in eos) == (r.finish_reason == "stop") and not set(r.tokens[:-1]) & eos
        assert r.finish_reason == "stop" or len(r.tokens) == 12


def test_repetition_ends_an_answer(tiny_llama: TinyLlama) -> None:
    """Greedy answers of a random model loop. The check comes every eighth token, and 6 are three cycles of two."""
    model, given = tiny_llama(), prompts([4, 2, 8, 3, 6, 5])
    sampling = Sampling(max_tokens=40, temperature=0.0, repetition_stop=6)
    expected = naive(model, given, sampling, NO_EOS)
    assert "repetition" in {r.finish_reason for r in expected}
    assert_same(answer(model, given, sampling, NO_EOS, batch=4), expected)
    free = answer(model, given, Sampling(max_tokens=40, temperature=0.0), NO_EOS, batch=4)
    assert [r.finish_reason for r in free] == ["length"] * 6 and [len(r.tokens) for r in free] == [40] * 6
    for stopped, whole in zip(expected, free, strict=True):
        assert whole.tokens[: len(stopped.tokens)] == stopped.tokens


def test_padded_vocabulary_rows_are_never_written(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(vocab=400)
    answers = answer(model, prompts([3] * 40), Sampling(max_tokens=25), NO_EOS, batch=40)
    written = {t for r in answers for t in r.tokens}
    assert max(written) < VOCABULARY and len(written) > 100


def test_progress_counts_every_token_once(tiny_llama: TinyLlama) -> None:
    told: list[int] = []
    eos = frozenset(range(0, VOCABULARY, 10))
    answers = answer(tiny_llama(), prompts([3, 1, 6, 2, 5]), Sampling(max_tokens=30), eos, 3, told)
    assert sum(told) == sum(len(r.tokens) for r in answers)


def test_one_token_one_prompt_and_none(tiny_llama: TinyLlama) -> None:
    model = tiny_llama()
    assert_same(
        answer(model, prompts([5]), Sampling(max_tokens=1), NO_EOS, 8),
        naive(model, prompts([5]), Sampling(max_tokens=1), NO_EOS),
    )
    assert answer(model, [], Sampling(max_tokens=4), NO_EOS, 8) == []


def test_repeats_by_hand() -> None:
    rows = torch.tensor(
        [
            [9, 1, 1, 1, 1, 1, 1],  # one token six times
            [9, 1, 2, 1, 2, 1, 2],  # a pair three times
            [9, 1, 2, 3, 1, 2, 3],  # a triple only twice
            [9, 1, 2, 1, 2, 1, 3],  # broken at the end
            [1, 2, 2, 1, 2, 1, 2],  # broken at the start of the window
            [9, 1, 1, 2, 1, 1, 2],  # a triple twice
        ]
    )
    assert repeats(rows, 6).tolist() == [True, True, False, False, False, False]
    # Nine tokens hold a triple three times.
    assert repeats(torch.tensor([[5, 1, 2, 3, 1, 2, 3, 1, 2, 3]]), 9).tolist() == [True]
    # A window of seven may begin within a cycle.
    assert repeats(torch.tensor([[2, 1, 2, 1, 2, 1, 2]]), 7).tolist() == [True]
