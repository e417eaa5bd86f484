"""Does "after" beat "before", in the eyes of a judge?

Each prompt's two answers are shown in both orders, and only the mean of both counts, so a judge that always prefers the
first place gives ties and no winner (Zheng et al. 2023, arXiv 2306.05685, section 3.4). Prompts are the unit of the
interval. The judge's position bias on these very pairs stands beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stillhouse.distill.judges.ask import together
from stillhouse.distill.judges.judged import Judged
from stillhouse.distill.judges.missing import check_missing
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.reliability import Measured, position_bias, self_agreement
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ConfigError
from stillhouse.stats import Interval, win_rate

__all__ = ["WinRate", "judged_win_rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """`rate`: how often "after" wins, ties half, over prompts that were judged. `identical` ones are among the `ties`.

    `missing` prompts have no judgement in both orders and count nowhere else. `judged` is in the order of the prompts.
    """

    rate: Interval
    wins: int
    ties: int
    losses: int
    identical: int
    missing: int
    position_bias: Measured
    self_agreement: Measured
    judged: tuple[Judged, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values, without the judgements."""
        return {
            **self.rate.as_dict(),
            **{name: getattr(self, name) for name in ("wins", "ties", "losses", "identical", "missing")},
            "position_bias": self.position_bias.as_dict(),
            "self_agreement": self.self_agreement.as_dict(),
        }


async def judged_win_rate(
    judge: RankingJudge, prompts: Sequence[Prompt], before: Sequence[str], after: Sequence[str], *, seed: int
) -> WinRate:
    """Compare before[i] with after[i] for each prompt, all at once; `judge` decides, 2 x `repeats` times a pair.

    A prompt is won where the mean over both orders and all repeats is above 1/2, lost where it is below. Identical
    answers are a tie and not asked about. Raises ConfigError without prompts, JudgeError where most judgements are
    missing, and what the judge's model raises.
    """
    if not prompts:
        raise ConfigError("a win rate needs at least 1 prompt, got 0; hold out more prompts")
    pairs = list(zip(before, after, strict=True))
    verdicts = await together(judge.judge(prompt, pair, seed=seed) for prompt, pair in zip(prompts, pairs, strict=True))
    asked = [said for (old, new), said in zip(pairs, verdicts, strict=True) if old != new]
    check_missing(judge.name, [said[1] for said in asked], at_least=1)
    shares = [said[1].score for said in verdicts]
    read = [share for share in shares if share is not None]
    wins, ties, losses = [s > 0.5 for s in read], [s == 0.5 for s in read], [s < 0.5 for s in read]
    judged = tuple(Judged.of(*one) for one in zip(prompts, pairs, verdicts, strict=True))
    return WinRate(
        rate=win_rate(wins, ties, losses),
        wins=sum(wins),
        ties=sum(ties),
        losses=sum(losses),
        identical=len(pairs) - len(asked),
        missing=shares.count(None),
        position_bias=position_bias(judged),
        self_agreement=self_agreement(judged, resamples=2000, seed=seed),
        judged=judged,
    )
