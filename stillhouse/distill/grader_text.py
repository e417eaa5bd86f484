"""The grader of a manifest in one sentence, for people who do not know the names of the settings."""

from collections.abc import Mapping
from typing import Any

__all__ = ["grader_text"]


def grader_text(grader: Mapping[str, Any]) -> str:
    """What a token was graded by, and whose answers were graded. `grader` is that of `manifest.json`."""
    text = f"{_how(grader)}, at temperature {grader['temperature']:g}"
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


def _how(grader: Mapping[str, Any]) -> str:
    match grader["kind"]:
        case "divergence":
            return f"{_divergence(grader['beta'])} between both models' full next-token distributions"
        case "top_k":
            kept = f"the teacher's {grader['k']} likeliest tokens and one bucket for the rest"
            return f"{_divergence(grader['beta'])} over {kept}"
        case "sampled":
            return "log-ratio of both models at the sampled token, as the advantage of a policy gradient"
        case "cross_tokenizer":
            return f"{_COMPARED[grader['compare']]} between models of different tokenizers"
        case "judge":
            return (
                f"{_METHODS[grader['method']['kind']]} by `{grader['by']}`, learnt by {_LEARN[grader['learn']['kind']]}"
            )
        case "mix":
            parts = (f"{part['weight']:g} x {_how(part['grader'])}" for part in grader["parts"].values())
            return "sum of " + " and ".join(parts)
        case _:
            return "cross-entropy on given answers, without a grade"


_COMPARED = {
    "sampled": "log-ratio of both models at each stretch of text that both cut alike, as an advantage,",
    "binary": "divergence of each stretch of text that both cut alike against any other",
    "shared": "divergence over the tokens that both vocabularies have",
}
_METHODS = {
    "rubric": "scores on a rubric",
    "ranking": "ranking of the answers to one prompt",
    "critique": "scores drawn from a written critique",
    "reference": "comparison with a reference answer",
}
_LEARN = {
    "policy_gradient": "a group-relative policy gradient",
    "best_of_n": "imitation of the best",
    "dpo": "direct preference optimisation of the best against the worst",
}


def _divergence(beta: float) -> str:
    names = {0: "forward KL", 0.5: "Jensen-Shannon divergence", 1: "reverse KL"}
    return names.get(beta, f"generalised Jensen-Shannon divergence (beta {beta:g})")
