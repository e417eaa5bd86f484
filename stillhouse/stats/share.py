"""The mean share of a thing over prompts: a win rate, for one.

Each prompt has a share between 0 and 1 (of its comparisons that were won, ties counting half), and prompts are what was
drawn independently. A bootstrap of such a mean claims certainty where all prompts agree: two wins of two would be
"100 %, from 100 % to 100 %". So the interval is of Wilson's kind.

For a share y in [0, 1] with mean m, Var(y) = m (1 - m) - E[y (1 - y)]. The second term is what ties and mixed prompts
take away from the variance of heads and tails. Its mean over the prompts, less 1/n of that because few prompts say
little about it, is c; it is kept while m varies, and the interval holds every m with

    (mean - m)^2 <= z^2 (m (1 - m) - c) / n

Without ties, or with a single prompt, c = 0 and this is Wilson's interval (JASA 22, 1927).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from stillhouse.errors import ConfigError
from stillhouse.stats.bootstrap import Interval

__all__ = ["mean_share", "win_rate"]


def mean_share(shares: Sequence[float], *, level: float = 0.95) -> Interval:
    """Interval for the mean of one share in [0, 1] for each prompt, which may be drawn from any distribution there.

    Covers with probability near `level` for more than about 20 prompts. Raises ConfigError without prompts,
    ValueError for shares outside [0, 1].
    """
    y = np.asarray(shares, dtype=np.float64)
    if not len(y):
        raise ConfigError("a share needs at least 1 prompt, got 0; compare more prompts")
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError("shares lie between 0 and 1")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it lies between 0 and 1")
    n, mean = len(y), float(y.mean())
    c = float((y * (1 - y)).mean()) * (1 - 1 / n)
    k = float(norm.ppf((1 + level) / 2)) ** 2 / n
    # (1 + k) m^2 - (2 mean + k) m + mean^2 + k c = 0, whose discriminant is >= 0, since c <= mean (1 - mean).
    centre = (mean + k / 2) / (1 + k)
    half = math.sqrt(max(0.0, k * (mean * (1 - mean) - c) + k * k * (1 - 4 * c) / 4)) / (1 + k)
    low = 0.0 if mean == 0 else centre - half
    high = 1.0 if mean == 1 else centre + half
    return Interval(
        value=mean, low=low, high=high, n=n, method=f"score interval over prompts, ties half, level {level:g}"
    )


def win_rate(wins: Sequence[float], ties: Sequence[float], losses: Sequence[float], *, level: float = 0.95) -> Interval:
    """How often one side beats the other, ties counting half: entry i of each list counts the comparisons of prompt i.

    Every prompt weighs the same, however many comparisons it has. `win_rate` > 1/2 is shown where `low` is above 1/2.
    Raises ConfigError without prompts, ValueError for negative counts or a prompt without a comparison.
    """
    won, tied, lost = (np.asarray(counts, dtype=np.float64) for counts in (wins, ties, losses))
    if not won.shape == tied.shape == lost.shape:
        raise ValueError(f"wins {won.shape}, ties {tied.shape} and losses {lost.shape} must be lists of one length")
    total = won + tied + lost
    if (np.minimum(np.minimum(won, tied), lost) < 0).any() or (total <= 0).any():
        raise ValueError("counts are not negative, and every prompt has a comparison; leave out prompts without one")
    return mean_share(((won + tied / 2) / total).tolist(), level=level)
