"""The measures of a student: against a slow float64 reference, on prompts that no order or seed decides."""

import random

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from stillhouse.distill.encode import EncodedPrompt, encode_prompts
from stillhouse.distill.evaluate import Evaluator, compare, exact_match, hold_out
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.sections import EvaluationSettings
from stillhouse.errors import TrainingError
from stillhouse.types import Message
from tests.conftest import TinyLlama


def prompts(tokenizer: PreTrainedTokenizerFast, count: int) -> list[EncodedPrompt]:
    made = [
        Prompt.of([Message("user", "the question " * (1 + i % 3) + str(i))], answer=str(i), task="exact")
        for i in range(count)
    ]
    return encode_prompts(tokenizer, made, longest=300)


def evaluator(tiny_llama: TinyLlama, tokenizer: PreTrainedTokenizerFast) -> Evaluator:
    size = len(tokenizer)
    student, teacher = Network(tiny_llama(2, seed=2), size), Network(tiny_llama(3, seed=1), size)
    writers = Writers(student, teacher, tokenizer, frozenset({2}))
    settings = EvaluationSettings(held_out=5, max_new_tokens=6, resamples=200)
    held_out = prompts(tokenizer, 5)
    tasks = [("sums", prompts(tokenizer, 3))]
    return Evaluator(writers, held_out, tasks, settings, seed=0, batch=3, repetition_stop=0)


def reference(
    student: PreTrainedModel, teacher: PreTrainedModel, size: int, answer: Rollout
) -> tuple[float, float, int]:
    """Sums over one answer, from whole logits in float64: forward KL, reverse KL, positions that agree."""
    ids = torch.tensor([answer.prompt_tokens + answer.tokens])
    rows = slice(len(answer.prompt_tokens) - 1, ids.shape[1] - 1)
    with torch.no_grad():
        p, q = (m.double()(ids).logits[0, rows, :size].log_softmax(-1) for m in (student, teacher))
    forward, reverse = (q.exp() * (q - p)).sum(), (p.exp() * (p - q)).sum()
    return float(forward), float(reverse), int((p.argmax(-1) == q.argmax(-1)).sum())


def test_compare_agrees_with_whole_logits_in_float64(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    size = len(tiny_tokenizer)
    teacher = tiny_llama(2, vocab=size + 20, seed=1)
    student = tiny_llama(2, vocab=size + 7, seed=1)
    with torch.no_grad():  # near enough that the two agree at some places and not at others
        for mine, theirs in zip(student.model.parameters(), teacher.model.parameters(), strict=True):
            noise = torch.randn(mine.shape, generator=torch.Generator().manual_seed(3))
            mine.copy_(theirs[: len(mine)] + 0.05 * noise)
    generator = random.Random(0)
    answers = [
        Rollout(str(i), tuple(generator.choices(range(size), k=3 + i)), tuple(generator.choices(range(size), k=n)),
                (), "stop", "teacher")
        for i, n in enumerate([5, 1, 0, 9, 4])
    ]  # fmt: skip
    sums = compare(Network(student, size), Network(teacher, size), answers, batch=2)
    assert sums.tokens == [5, 1, 0, 9, 4]
    for i, answer in enumerate(answers):
        forward, reverse, agree = reference(student, teacher, size, answer) if answer.tokens else (0.0, 0.0, 0)
        student.float()
        teacher.float()
        assert sums.forward_kl[i] == pytest.approx(forward, rel=1e-4, abs=1e-6)
        assert sums.reverse_kl[i] == pytest.approx(reverse, rel=1e-4, abs=1e-6)
        assert sums.agreement[i] == agree
    assert 0 < sum(sums.agreement) < sum(sums.tokens)
    assert sums.forward_kl[0] != pytest.approx(sums.reverse_kl[0], rel=3e-4)


def test_rows_have_every_measure(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    measured = evaluator(tiny_llama, tiny_tokenizer)
    answers = measured.answers("teacher", measured.held_out, 1.0)
    student, own = measured.student(answers)
    teacher = measured.teacher(answers)
    names = {"kl_to_teacher", "on_policy_kl", "top1_agreement", "exact_match/sums", "answer_length"}
    assert set(student) == set(teacher) == names
    for row in (student, teacher):
        for interval in row.values():
            assert set(interval.as_dict()) == {"value", "low", "high", "n", "method"}
    assert measured.writers.teacher is not None
    sums = compare(measured.writers.student, measured.writers.teacher, answers, 2)
    assert student["kl_to_teacher"].value == pytest.approx(sum(sums.forward_kl) / sum(sums.tokens), rel=1e-5)
    mine = compare(measured.writers.student, measured.writers.teacher, own, 2)
    assert student["on_policy_kl"].value == pytest.approx(sum(mine.reverse_kl) / sum(mine.tokens), rel=1e-5)
    assert student["answer_length"].value == pytest.approx(sum(len(a.tokens) for a in own) / 5)
    assert {a.source for a in own} == {"student"} and {a.source for a in answers} == {"teacher"}
    assert student["exact_match/sums"].n == 3


def test_teacher_is_no_distance_from_itself(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    measured = evaluator(tiny_llama, tiny_tokenizer)
    answers = measured.answers("teacher", measured.held_out, 1.0)
    row = measured.teacher(answers)
    for name, value in (("kl_to_teacher", 0.0), ("on_policy_kl", 0.0), ("top1_agreement", 1.0)):
        assert row[name].as_dict() == {"value": value, "low": value, "high": value, "n": 5, "method": "by definition"}
    network = measured.writers.teacher
    assert network is not None
    itself = compare(network, network, answers, 2)
    assert itself.agreement == itself.tokens and max(itself.forward_kl) == 0


def test_measuring_twice_gives_the_same(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    first, second = (evaluator(tiny_llama, tiny_tokenizer) for _ in range(2))
    answers = first.answers("teacher", first.held_out, 1.0)
    assert answers == second.answers("teacher", second.held_out, 1.0)
    assert first.student(answers) == second.student(answers)


def test_overflowed_student_is_told(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    measured = evaluator(tiny_llama, tiny_tokenizer)
    answers = measured.answers("teacher", measured.held_out, 1.0)
    with torch.no_grad():
        measured.writers.student.model.model.norm.weight[0] = float("nan")
    with pytest.raises(TrainingError, match=r"is not a finite number, so its weights have overflowed; lower opt"):
        measured.student(answers)


def test_right_answers_are_counted(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    measured = evaluator(tiny_llama, tiny_tokenizer)
    asked = prompts(tiny_tokenizer, 4)
    said = ["#### 0", "#### 1", "#### 7", "#### 3"]
    written = [tiny_tokenizer(text)["input_ids"] for text in said]
    answers = [Rollout("x", (1,), (*tokens, 2), (), "stop", "student") for tokens in written]
    found = exact_match(measured.writers.tokenizer, asked, answers)
    assert (found.value, found.n) == (0.75, 4) and found.low < 0.75 < found.high < 1


def test_held_out_prompts_depend_on_no_order(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    asked = prompts(tiny_tokenizer, 20)
    held_out, training = hold_out(asked, 6)
    assert len(held_out) == 6 and len(training) == 14
    assert {p.prompt.id for p in held_out}.isdisjoint(p.prompt.id for p in training)
    shuffled = random.Random(1).sample(asked, 20)
    assert {p.prompt.id for p in hold_out(shuffled, 6)[0]} == {p.prompt.id for p in held_out}
    assert {p.prompt.id for p in hold_out(asked, 4)[0]} < {p.prompt.id for p in held_out}
