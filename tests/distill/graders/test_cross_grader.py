"""The grader picks the rule that its settings name, for both micro-batches of one answer."""

from typing import Literal

import pytest
import torch

from stillhouse.distill.grader_settings import CrossTokenizerSettings
from stillhouse.distill.graders.cross_grader import CrossReading, cross_rule
from stillhouse.distill.graders.cross_tokenizer import span_binary, span_grade, span_reverse_kl
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.graders.shared_spans import shared_grade, span_shared
from stillhouse.distill.loss import Head
from stillhouse.distill.reading import PackedSpans


@pytest.mark.parametrize(("compare", "window"), [("sampled", 0), ("sampled", 1), ("binary", 0), ("shared", 0)])
def test_the_rule_that_the_settings_name(compare: Literal["sampled", "binary", "shared"], window: int) -> None:
    """Five tokens of the student, four of the teacher, other hidden sizes and vocabularies, temperature 0.8."""
    generator = torch.Generator().manual_seed(1)
    mine, theirs = torch.randn(5, 4, generator=generator), torch.randn(4, 3, generator=generator)
    head, other = (Head(torch.randn(n, h, generator=generator), n) for n, h in ((7, 4), (6, 3)))
    token_N, token_M = torch.tensor([0, 6, 2, 3, 1]), torch.tensor([5, 0, 1, 2])
    spans = PackedSpans(*map(torch.tensor, ([0, 1, 1, 2, 3], [0, 1, 2, 3], [0, 0, 0, 1], [1, 2, 1, 1])))
    ids = torch.tensor([3, -1, 0, -1, 5, 6])
    settings = CrossTokenizerSettings(compare=compare, window=window, k=2, beta=0.5)
    got = cross_rule(settings, ids, CrossReading(spans, token_M, theirs, other), token_N, mine, head, 0.8, 3)
    logq = sampled_grade(theirs, other, token_M, 0.8, 3).logp_N
    grade = span_grade(spans, logq, token_N, mine, head, temperature=0.8, chunk=3, window=window)
    shared = shared_grade(spans, theirs, other, ids, k=2, temperature=0.8, chunk=3)
    rules = {
        "sampled": span_reverse_kl(grade),
        "binary": span_binary(grade, 0.5),
        "shared": span_shared(grade, shared, 0.5),
    }
    logits = head.logits(mine) / 0.8
    for name, rule in rules.items():
        one, two = got(logits.clone(), slice(0, 5)), rule(logits.clone(), slice(0, 5))
        assert torch.equal(one.loss_C, two.loss_C) == torch.equal(one.grad_CV, two.grad_CV) == (name == compare)
