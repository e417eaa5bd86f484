"""Two answers to the same question, right or wrong each: has the share changed?

The same prompts are asked before and after, so most of the scatter between prompts cancels: only those that
changed sides say anything. That is why a paired test sees a loss that two intervals beside each other hide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom

from stillhouse.stats.exact import lower_share, upper_share

__all__ = ["PairedChange", "holm", "net_loss_bounds", "paired_change"]


@dataclass(frozen=True, slots=True)
class PairedChange:
    """`lost` were true before and are false after, `gained` the other way round; `p_loss` and `p_gain` are one-sided.

    `p_loss` is the probability of at least `lost` losses among the changes if a loss is as likely as a gain.
    """

    lost: int
    gained: int
    n: int
    p_loss: float
    p_gain: float


def paired_change(before: Sequence[bool], after: Sequence[bool]) -> PairedChange:
    """The exact McNemar test, one-sided both ways (McNemar, Psychometrika 12, 1947; exact: a sign test of the changes).

    Entry i of both is the same question, and the questions are independent of one another. Under the null (the share
    is no smaller after than before) `p_loss <= a` happens with probability at most a, for any n. Raises ValueError
    where the lengths differ.
    """
    lost = sum(was and not now for was, now in zip(before, after, strict=True))
    gained = sum(now and not was for was, now in zip(before, after, strict=True))
    return PairedChange(lost, gained, len(before), _tail(lost, lost + gained), _tail(gained, lost + gained))


def net_loss_bounds(change: PairedChange, before: int, level: float) -> tuple[float, float | None]:
    """Upper bounds of the net loss, as a share of all questions and of the `before` that were true before.

    Each is below the truth with probability at most `level`, for any n. The net loss is a share lost less a share
    gained, and each of the two has an exact one-sided bound at level / 2 (Clopper & Pearson, Biometrika 26, 1934).
    Relative to `before`: given how many were true before, the lost ones are binomial; given how many were before or
    are gained, the gained ones are, and the odds of that are the relative gain. None where nothing was true before.
    """
    lost, gained, n = change.lost, change.gained, change.n
    share = upper_share(lost, n, level / 2) - lower_share(gained, n, level / 2)
    if not before:
        return share, None
    gain = lower_share(gained, gained + before, level / 2)
    return share, upper_share(lost, before, level / 2) - gain / (1 - gain)


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Which nulls are rejected so that a false rejection of any has probability at most `level`.

    Step-down procedure of Holm (Scandinavian Journal of Statistics 6, 1979); holds under any dependence.
    """
    rejected = [False] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[i] > level / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def _tail(successes: int, n: int) -> float:
    """P(at least `successes` of n fair coins are heads)."""
    return float(binom.sf(successes - 1, n, 0.5))
