"""The divergence across tokenizers: by hand on tiny models, on equal tokenizers, and falling as a student learns."""

import math
from typing import Literal

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.alignment import Aligner, Alignment
from stillhouse.distill.batching import micro_batches
from stillhouse.distill.evaluate import compare
from stillhouse.distill.grader_settings import CrossTokenizerSettings
from stillhouse.distill.graders.cross_grader import CrossReading, cross_rule
from stillhouse.distill.loss import LossInputs, graded_loss
from stillhouse.distill.network import Network
from stillhouse.distill.reading import Reading, read_by
from stillhouse.distill.rollout import Rollout, generate
from stillhouse.distill.sampling import uniforms
from stillhouse.distill.span_kl import compare_spans
from stillhouse.distill.token_bytes import shared_tokens, token_bytes
from stillhouse.distill.translation import student_ids
from stillhouse.stats import ratio_of_sums
from stillhouse.types import Sampling
from tests.conftest import TinyLlama
from tests.distill.other_tokenizers import other_tokenizer

PROMPTS = [("p0", [1, 9, 8]), ("p1", [1, 7, 7, 5]), ("p2", [1, 30])]
END = frozenset([2])


class Pair:
    """A student and a teacher of two tokenizers, and how the one's answers are read by the other."""

    def __init__(self, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
        self.student_bytes = token_bytes(tiny_tokenizer, "student")
        self.teacher_bytes = token_bytes(other_tokenizer(), "teacher")
        self.student = Network(tiny_llama(2, seed=2), len(tiny_tokenizer))
        vocabulary = len(self.teacher_bytes.spelling)
        self.teacher = Network(tiny_llama(2, vocab=vocabulary + 3, seed=1), vocabulary)
        self.aligner = Aligner(self.student_bytes, self.teacher_bytes, END, 2)
        self.prompts = {name: tokens[::-1] for name, tokens in PROMPTS}

    def answers(self, count: int, tokens: int, seed: int) -> list[Rollout]:
        asked = [PROMPTS[i % 3] for i in range(count)]
        sampling = Sampling(max_tokens=tokens, temperature=1.0, repetition_stop=0)
        return generate(
            self.student.model, self.student.head, asked, sampling,
            eos=END, uniforms=uniforms(seed, 1, count, tokens), batch=64, source="student",
        )  # fmt: skip

    def reading(self, rollouts: list[Rollout]) -> Reading:
        return read_by(self.aligner, rollouts, self.prompts)


@pytest.fixture
def pair(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> Pair:
    return Pair(tiny_llama, tiny_tokenizer)


@torch.no_grad()
def log_probability(network: Network, rollout: Rollout) -> float:
    """Of the whole answer, by the bare model."""
    ids = torch.tensor([[*rollout.prompt_tokens, *rollout.tokens]])
    logp = network.model(ids, use_cache=False).logits[0, :, : network.vocabulary].double().log_softmax(-1)
    first = len(rollout.prompt_tokens) - 1
    return float(sum(logp[first + i, token] for i, token in enumerate(rollout.tokens)))


def test_sums_are_those_of_whole_answers(pair: Pair) -> None:
    """The products over spans telescope: log p - log q of the answer, each in its model's own tokens."""
    rollouts = pair.answers(7, 12, seed=0)
    reading = pair.reading(rollouts)
    sums = compare_spans(pair.student, pair.teacher, rollouts, reading, batch=3)
    for i, (mine, theirs) in enumerate(zip(rollouts, reading.rollouts, strict=True)):
        expected = log_probability(pair.student, mine) - log_probability(pair.teacher, theirs)
        assert reading.alignments[i].share == 1.0
        assert sums.log_ratio[i] == pytest.approx(expected, abs=1e-3)
        assert sums.tokens[i] == sums.covered[i] == len(mine.tokens)
        ended = mine.tokens[-1] == 2
        assert sums.bytes[i] == len(pair.student_bytes.text(mine.tokens[: -1 if ended else None])) + ended
    estimate = ratio_of_sums(sums.log_ratio, sums.bytes, resamples=200, seed=0)
    assert estimate.low < estimate.value < estimate.high and estimate.value > 0


def test_equal_tokenizers_agree_with_the_divergence_of_each_token(pair: Pair, tiny_llama: TinyLlama) -> None:
    """The mean over many sampled answers comes near what `compare` computes from whole distributions."""
    teacher = Network(tiny_llama(2, seed=1), pair.student.vocabulary)
    rollouts = pair.answers(600, 6, seed=3)
    one_by_one = [list(range(len(rollout.tokens))) for rollout in rollouts]
    spans = [Alignment(list(r.tokens), row, row, [1] * len(row)) for r, row in zip(rollouts, one_by_one, strict=True)]
    reading = Reading(rollouts, spans)
    sums = compare_spans(pair.student, teacher, rollouts, reading, batch=100)
    exact = compare(pair.student, teacher, rollouts, batch=100)
    differences = torch.tensor(sums.log_ratio) - torch.tensor(exact.reverse_kl)
    error = float(differences.std()) / math.sqrt(len(differences))
    assert abs(float(differences.mean())) < 4 * error < 0.2 * sum(exact.reverse_kl) / len(rollouts)


def train(pair: Pair, how: CrossTokenizerSettings, table: torch.Tensor, steps: int = 25) -> None:
    """On-policy training, in its shortest form."""
    optimizer = torch.optim.Adam(pair.student.model.parameters(), lr=3e-3)
    for step in range(steps):
        rollouts = pair.answers(24, 8, seed=100 + step)
        (micro,) = micro_batches(rollouts, 24)
        batch, spans = pair.reading(rollouts).of(micro.row_N)
        with torch.no_grad():
            theirs = pair.teacher.hidden(batch)
        mine, (head, other) = pair.student.hidden(micro), (pair.student.head, pair.teacher.head)
        reading = CrossReading(spans, batch.token_N, theirs, other)
        rule = cross_rule(how, table, reading, micro.token_N, mine, head, 1.0, 512)
        weight_N = torch.full((len(micro.token_N),), 1 / len(micro.token_N))
        optimizer.zero_grad()
        graded_loss(LossInputs(mine, head, weight_N), rule).loss.backward()
        optimizer.step()


@pytest.mark.parametrize("compare_by", ["sampled", "binary", "shared"])
def test_training_brings_a_student_nearer_to_a_teacher_of_another_tokenizer(
    pair: Pair, compare_by: Literal["sampled", "binary", "shared"]
) -> None:
    def distance() -> tuple[float, float]:
        rollouts = pair.answers(128, 8, seed=1)
        sums = compare_spans(pair.student, pair.teacher, rollouts, pair.reading(rollouts), batch=64)
        found = ratio_of_sums(sums.log_ratio, sums.bytes, resamples=200, seed=0)
        return found.low, found.high

    before = distance()
    table = student_ids(shared_tokens(pair.teacher_bytes, pair.student_bytes), pair.teacher.vocabulary)
    train(pair, CrossTokenizerSettings(compare=compare_by, k=16), table)
    after = distance()
    assert after[1] < before[0], "the intervals do not meet"
