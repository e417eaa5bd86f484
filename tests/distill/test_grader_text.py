"""One sentence for each kind of grader."""

from typing import Any

import pytest

from stillhouse.distill.grader_text import grader_text

LOSS = {"lmbda": 1.0, "given": "teacher", "temperature": 1.0}


@pytest.mark.parametrize(
    ("grader", "text"),
    [
        (
            {"kind": "divergence", "beta": 0.5},
            "Jensen-Shannon divergence between both models' full next-token distributions, at temperature 1, "
            "on the student's own answers",
        ),
        (
            {"kind": "divergence", "beta": 0.1, "lmbda": 0.25, "given": "reference", "temperature": 1.5},
            "generalised Jensen-Shannon divergence (beta 0.1) between both models' full next-token distributions, "
            "at temperature 1.5, on the student's own answers to 25 % of the prompts and on the file's own answers "
            "to the rest",
        ),
        (
            {"kind": "top_k", "k": 64, "beta": 0.0},
            "forward KL over the teacher's 64 likeliest tokens and one bucket for the rest, at temperature 1, "
            "on the student's own answers",
        ),
        (
            {"kind": "sampled"},
            "log-ratio of both models at the sampled token, as the advantage of a policy gradient, at temperature 1, "
            "on the student's own answers",
        ),
        (
            {"kind": "imitation", "lmbda": 0.0},
            "cross-entropy on given answers, without a grade, at temperature 1, on answers written by the teacher",
        ),
    ],
)
def test_grader_text(grader: dict[str, Any], text: str) -> None:
    assert grader_text(LOSS | grader) == text
