"""A judge that cannot be read is a fault of the setup, not of the answers.

One missing judgement leaves one answer out. Nearly all of them missing means that the model does not do what it is
asked, and going on would spend money on nothing and learn from a biased rest.
"""

from collections.abc import Sequence

from stillhouse.distill.judges.base import Judgement
from stillhouse.errors import JudgeError

__all__ = ["check_missing"]

_SHOWN = 80


def check_missing(name: str, judgements: Sequence[Judgement], *, share: float = 0.5, at_least: int = 8) -> None:
    """JudgeError if more than `share` of at least `at_least` judgements are missing; `name` is the judge's.

    The message has the first reason and the first 80 characters of what came. Copies of an answer do not count. With
    fewer judgements nothing is said: pass `at_least=1` where no more will come.
    """
    own = [judgement for judgement in judgements if "same_as" not in judgement.detail]
    lost = [judgement for judgement in own if judgement.score is None]
    if len(own) < at_least or len(lost) <= share * len(own):
        return
    first = lost[0].detail
    said = " ".join(str(first["said"]).split())[:_SHOWN]
    raise JudgeError(
        f"{name} gave no readable judgement for {len(lost)} of {len(own)} answers; the first: "
        f"{first['missing']}, in '{said}'; use a model or an endpoint that keeps to a "
        "JSON schema, or raise max_tokens of its method (a run goes on with --resume)"
    )
