"""The divergence across tokenizers: by hand on tiny models, on equal tokenizers, and falling as a student learns."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

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


def law(table: dict[str, dict[str, float]], entries: str) -> Network:
    """A model whose next token depends on the last one alone: a Llama of no layers, its head the table's logarithms.

    `table[last][next]`; what it does not name is impossible (or as good as: e^-40).
    """
    size = len(entries)
    shape: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 0}
    model: Any = LlamaForCausalLM(
        LlamaConfig(**shape, vocab_size=size, rms_norm_eps=0.0, tie_word_embeddings=False, eos_token_id=1)
    )
    one_hot = torch.eye(size, 8)
    logp = torch.full((size, 8), -40.0)
    for last, row in table.items():
        for following, p in row.items():
            logp[entries.index(following), entries.index(last)] = math.log(p)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(one_hot)
        model.get_output_embeddings().weight.copy_(logp / math.sqrt(8))  # the last norm makes e_i to sqrt(8) e_i
    return Network(model.eval(), size)


# The letters a and b have .45 each and the end .1, whatever stands before. "C" is the token "ab", so that an "a" which
# is a token means "a and no b": .45 * .55 of the probability is left for it, and nothing for a "b" after it.
LETTERS = {last: {"a": 0.45, "b": 0.45, "$": 0.1} for last in "^ab"}
_ANY = {"a": 0.45 * 0.55, "b": 0.45, "C": 0.45 * 0.45, "$": 0.1}
PAIRS = {"^": _ANY, "b": _ANY, "C": _ANY, "a": {token: p / 0.55 for token, p in _ANY.items() if token != "b"}}


def letters_tokenizer(entries: str) -> PreTrainedTokenizerFast:
    vocabulary = {"ab" if entry == "C" else entry: i for i, entry in enumerate(entries)}
    backend = Tokenizer(models.BPE(vocabulary, [("a", "b")] if "C" in entries else []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = make(tokenizer_object=backend, bos_token="^", eos_token="$")
    return tokenizer


def answers_of(table: dict[str, dict[str, float]], cap: int) -> Iterator[tuple[str, float]]:
    """Every answer of at most `cap` tokens that the table can write, with its probability; the last ones are cut."""
    open_ends = [("", 1.0)]
    for _ in range(cap):
        longer = [(text + token, p * q) for text, p in open_ends for token, q in table[(text or "^")[-1]].items()]
        yield from ((text, p) for text, p in longer if text.endswith("$"))
        open_ends = [(text, p) for text, p in longer if not text.endswith("$")]
    yield from open_ends


@pytest.mark.parametrize(
    ("writes", "cap", "per_byte", "share"),
    [
        ("letters", 4, 0.0570, 0.656), ("letters", 6, 0.0339, 0.531), ("letters", 8, 0.0226, 0.430),
        ("pairs", 4, -0.0316, 0.599), ("pairs", 6, -0.0179, 0.453), ("pairs", 8, -0.0114, 0.343),
    ],
)  # fmt: skip
def test_cut_answers_bias_the_divergence_up_if_the_reader_looks_ahead_and_down_if_the_writer_does(
    writes: str, cap: int, per_byte: float, share: float
) -> None:
    """All answers of two models that write the same texts with the same probabilities: the divergence is 0.

    So it is of every whole answer. Of one that is cut after the token "a", the model of pairs has .55 of what the model
    of letters has, and log .55 remains: too much where the reader looks ahead, too little where the writer does.
    """
    sides = {"letters": (LETTERS, "^$ab"), "pairs": (PAIRS, "^$abC")}
    (mine, my_entries), (theirs, their_entries) = (sides[side] for side in (writes, *(sides.keys() - {writes})))
    my_bytes, their_bytes = (token_bytes(letters_tokenizer(found), "toy") for found in (my_entries, their_entries))
    written, weights = zip(*answers_of(mine, cap), strict=True)
    rollouts = [
        Rollout("p", (0,), tuple(map(my_entries.index, text)), (), "stop" if text[-1] == "$" else "length", "student")
        for text in written
    ]
    reading = read_by(Aligner(my_bytes, their_bytes, frozenset([1]), 1), rollouts, {"p": [0]})
    sums = compare_spans(law(mine, my_entries), law(theirs, their_entries), rollouts, reading, batch=64)
    sign = 1 if writes == "letters" else -1
    for text, ratio, size in zip(written, sums.log_ratio, sums.bytes, strict=True):
        assert size == len(text) + text.count("C")
        assert ratio == pytest.approx(-sign * math.log(0.55) if text.endswith("a") else 0, abs=1e-4), text
    assert sum(weights) == pytest.approx(1)
    assert sum(w for w, text in zip(weights, written, strict=True) if text[-1] != "$") == pytest.approx(share, abs=6e-4)
    mean = sum(w * r for w, r in zip(weights, sums.log_ratio, strict=True))
    assert mean / sum(w * b for w, b in zip(weights, sums.bytes, strict=True)) == pytest.approx(per_byte, abs=6e-5)


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
