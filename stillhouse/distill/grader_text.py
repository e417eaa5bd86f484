"""The grader of a manifest in one sentence, for people who do not know the names of the settings."""

from collections.abc import Mapping
from typing import Any

__all__ = ["grader_text"]


def grader_text(grader: Mapping[str, Any]) -> str:
    """What a token was graded by, and whose answers were graded. `grader` is that of `manifest.json`."""
    match grader["kind"]:
        case "divergence":
            how = f"{_divergence(grader['beta'])} between both models' full next-token distributions"
        case "top_k":
            kept = f"the teacher's {grader['k']} likeliest tokens and one bucket for the rest"
            how = f"{_divergence(grader['beta'])} over {kept}"
        case "sampled":
            how = "log-ratio of both models at the sampled token, as the advantage of a policy gradient"
        case _:
            how = "cross-entropy on given answers, without a grade"
    text = f"{how}, at temperature {grader['temperature']:g}"
    given = "the file's own answers" if grader["given"] == "reference" else "answers written by the teacher"
    match grader["lmbda"]:
        case 1:
            return f"{text}, on the student's own answers"
        case 0:
            return f"{text}, on {given}"
        case share:
            return (
                f"{text}, on the student's own answers to {100 * share:g} % of the prompts and on {given} to the rest"
            )


def _divergence(beta: float) -> str:
    names = {0: "forward KL", 0.5: "Jensen-Shannon divergence", 1: "reverse KL"}
    return names.get(beta, f"generalised Jensen-Shannon divergence (beta {beta:g})")
