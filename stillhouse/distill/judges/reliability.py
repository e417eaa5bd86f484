"""How far a judge can be trusted, measured on the judgements of the run itself.

A judge's habits depend on its model, on the texts and on the prompts, so a figure out of a paper says little about a
run. All measures are read off stored judgements; no question is asked for them. What cannot be measured says why.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stillhouse.distill.judges.judged import Judged
from stillhouse.errors import ConfigError
from stillhouse.stats import Interval, PositionEffect, krippendorff_alpha, mean_share, position_effect, spearman_within

__all__ = [
    "Measured",
    "check_agreement",
    "length_bias",
    "length_of_right",
    "list_positions",
    "missing_judgements",
    "position_bias",
    "reliability",
    "self_agreement",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure: `value`, or None and in `why` the reason that there is none."""

    name: str
    meaning: str
    value: Interval | PositionEffect | None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON values: the fields of `value`, or `why`."""
        return {"name": self.name, **({"why": self.why} if self.value is None else asdict(self.value))}


def reliability(groups: Sequence[Judged], *, resamples: int = 2000, seed: int = 0) -> list[Measured]:
    """Every measure, in the order in which they are shown."""
    return [
        missing_judgements(groups),
        position_bias(groups),
        list_positions(groups, permutations=resamples, seed=seed),
        length_bias(groups, resamples=resamples, seed=seed),
        length_of_right(groups, resamples=resamples, seed=seed),
        self_agreement(groups, resamples=resamples, seed=seed),
        check_agreement(groups),
    ]


def missing_judgements(groups: Sequence[Judged]) -> Measured:
    """Share of the distinct answers that have no score."""
    shares = [1 - len(group.scores) / len(group.distinct) for group in groups]
    return _measured("missing", "share of answers without a judgement", lambda: _share(shares, "nothing was judged"))


def position_bias(groups: Sequence[Judged]) -> Measured:
    """Share of decisions for the first shown of a pair, minus 1/2, ties counting half; 0.5 is "always the first".

    Only pairs that were read in both orders count, so that better answers stand first as often as worse ones (Wang et
    al. 2023, arXiv 2305.17926; Zheng et al. 2023, arXiv 2306.05685, section 3.3).
    """
    shares = []
    for group in groups:
        first = [value[0] for _, *both in group.in_both_orders(2) for value in both]
        if first:
            shares.append(sum(first) / len(first))

    def bias() -> Interval:
        share = _share(shares, "no pair was read in both orders")
        return Interval(share.value - 0.5, share.low - 0.5, share.high - 0.5, share.n, share.method)

    return _measured("position bias", "decisions for the first shown of a pair, above 1/2; 0 is none", bias)


def list_positions(groups: Sequence[Judged], *, permutations: int, seed: int) -> Measured:
    """Mean place given by position shown, over the lists of the commonest length from 3, with a p-value."""

    def effect() -> PositionEffect:
        lengths = Counter(len(order) for group in groups for _, order in group.replies if len(order) > 2)
        if not lengths:
            raise ConfigError("no list of 3 answers or more was read")
        length = lengths.most_common(1)[0][0]
        shown, given = [], []
        for group in groups:
            lists = [(order, values) for (_, order), values in group.replies.items() if len(order) == length]
            if lists:
                # By answer instead of by position: argsort inverts a permutation.
                at = np.array([np.argsort(order) for order, _ in lists])
                places = 1 + (1 - np.array([values for _, values in lists])) * (length - 1)
                shown.append(at)
                given.append(np.take_along_axis(places, at, axis=1))
        return position_effect(shown, given, permutations=permutations, seed=seed)

    return _measured("list positions", "mean place given (1 is best) by position shown; equal is no bias", effect)


def length_bias(groups: Sequence[Judged], *, resamples: int, seed: int) -> Measured:
    """Spearman's correlation of length and score within prompts. It may be deserved: see `length_of_right`."""
    lengths = [[group.lengths[i] for i in group.scores] for group in groups]
    scores = [list(group.scores.values()) for group in groups]
    return _measured(
        "length bias",
        "rank correlation of length and score within prompts; 0 is none",
        lambda: spearman_within(lengths, scores, resamples=resamples, seed=seed),
    )


def length_of_right(groups: Sequence[Judged], *, resamples: int, seed: int) -> Measured:
    """The same with right or wrong in place of the score: what a perfect judge's length bias would be."""
    known = [(group, group.right) for group in groups if group.right is not None]
    lengths = [[group.lengths[i] for i in group.distinct] for group, _ in known]
    right = [[float(right[i]) for i in group.distinct] for group, right in known]

    def correlation() -> Interval:
        if not known:
            raise ConfigError("no prompt has an answer that can be checked")
        return spearman_within(lengths, right, resamples=resamples, seed=seed)

    return _measured("length of right", "the same of length and being right: what is deserved", correlation)


def self_agreement(groups: Sequence[Judged], *, resamples: int, seed: int) -> Measured:
    """What the judge says when the same is asked again, in another order or with another seed.

    For pairs, the share of the same decisions among any two askings of a pair: always the first shown gives 0, a coin
    without ties about 1/2. Otherwise Krippendorff's alpha of the values of an answer: 1 is perfect, 0 is chance.
    """
    if {len(order) for group in groups for _, order in group.replies} == {2}:
        shares = [share for group in groups if (share := _same_decisions(group)) is not None]
        return _measured(
            "self-agreement",
            "same decision when a pair is asked again or in the other order; 1 is perfect",
            lambda: _share(shares, "no pair was read twice"),
        )
    units = [group.asked for group in groups]

    def alpha() -> Interval:
        if not any(len(values) > 1 for group in units for values in group):
            raise ConfigError("nothing was asked twice; set repeats to 2 or more")
        return krippendorff_alpha(units, resamples=resamples, seed=seed)

    return _measured("self-agreement", "Krippendorff's alpha of repeated judgements; 1 is perfect, 0 is chance", alpha)


def check_agreement(groups: Sequence[Judged]) -> Measured:
    """Probability that a right answer scores above a wrong one to the same prompt, ties half (the area under the ROC
    curve; Hanley & McNeil, Radiology 143, 1982), as a mean over the prompts that have both.
    """
    areas = []
    for group in groups:
        scores, right = group.scores, group.right
        if right is not None:
            pairs = [(scores[i], scores[j]) for i in scores for j in scores if right[i] and not right[j]]
            if pairs:
                areas.append(sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs))
    return _measured(
        "agreement with checks",
        "chance that a right answer scores above a wrong one; 0.5 is a coin",
        lambda: _share(areas, "no prompt has both a right and a wrong answer that can be checked"),
    )


def _same_decisions(group: Judged) -> float | None:
    """Of one prompt: the share of equal decisions among any two askings of the same pair."""
    decisions: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for (_, order), values in group.replies.items():
        decisions[tuple(sorted(order))].append(values[order.index(min(order))])
    same = [a == b for said in decisions.values() for a, b in itertools.combinations(said, 2)]
    return sum(same) / len(same) if same else None


def _share(shares: Sequence[float], why: str) -> Interval:
    if not shares:
        raise ConfigError(why)
    return mean_share(shares)


def _measured(name: str, meaning: str, value: Callable[[], Interval | PositionEffect]) -> Measured:
    """The figure, or why the data do not allow it."""
    try:
        return Measured(name=name, meaning=meaning, value=value())
    except ConfigError as error:
        return Measured(name=name, meaning=meaning, value=None, why=str(error))
