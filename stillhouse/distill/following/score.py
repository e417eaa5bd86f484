"""Answers to instructions -> the four figures of IFEval, with intervals over prompts."""

from collections.abc import Iterator, Sequence

from stillhouse.distill.following.checks import followed
from stillhouse.distill.following.prompts import FollowingPrompt
from stillhouse.stats import Interval, ratio_of_sums, wilson

__all__ = ["following_scores", "loose_forms"]


def following_scores(
    prompts: Sequence[FollowingPrompt], answers: Sequence[str], *, resamples: int, seed: int
) -> tuple[dict[str, Interval], int]:
    """`instructions_{strict,loose}/{prompt,instruction}` and the number of instructions that could not be checked.

    Strict takes the answer as it is; loose takes the best of `loose_forms` (Zhou et al., 2023, section 2.2), which
    forgives a greeting and emphasis marks. A prompt counts if all of its instructions are followed; prompts with none
    that can be checked are left out. Instructions of a prompt stay together in the bootstrap.
    """
    rows = [(p, answer) for p, answer in zip(prompts, answers, strict=True) if _results(p, answer)]
    scores: dict[str, Interval] = {}
    for name, results in (("strict", _results), ("loose", _loose)):
        done = [results(p, answer) for p, answer in rows]
        scores[f"instructions_{name}/prompt"] = wilson(sum(map(all, done)), len(done))
        scores[f"instructions_{name}/instruction"] = ratio_of_sums(
            [sum(row) for row in done], [len(row) for row in done], resamples=resamples, seed=seed
        )
    checked = sum(len(_results(p, answer)) for p, answer in rows)
    return scores, sum(len(p.instructions) for p in prompts) - checked


def loose_forms(text: str) -> Iterator[str]:
    """The answer; without its first line, its last, both; and each of these without asterisks."""
    lines = text.split("\n")
    for part in (lines, lines[1:], lines[:-1], lines[1:-1]):
        form = "\n".join(part).strip()
        yield form
        yield form.replace("*", "")


def _results(prompt: FollowingPrompt, text: str) -> list[bool]:
    """One entry for each instruction that can be checked, whatever the text."""
    found = [followed(name, arguments, text) for name, arguments in prompt.instructions]
    return [result for result in found if result is not None]


def _loose(prompt: FollowingPrompt, text: str) -> list[bool]:
    return [any(results) for results in zip(*(_results(prompt, form) for form in loose_forms(text)), strict=True)]
