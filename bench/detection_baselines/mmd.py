"""MMD: an account's window of queries is not distributed as honest queries are.

"An Embarrassingly Simple Detector for Model Extraction Attacks in Large Language Model API Traffic" (arXiv
2606.05725), its estimator as `mmd_statistic.py` says. Followed from its code (LabRAI/mmd-llm-mea-detection, commit
8bf1aa1): embeddings of unit length, the bandwidth from at most 2,000 honest queries, a window's score as the mean
over 20 samples of honest queries as large as the window, flagged where the score is above the threshold, incomplete
windows never judged, requests without text passed over. Windows are consecutive blocks of one account that do not
overlap; an account with fewer requests than one window is never judged at all.

Otherwise here:

* The paper's null is what two samples of one pool of honest queries differ by (`null="pairs"`: 1,000 pairs without a
  query in common, 95th percentile). Its windows are drawn at random from the same pool. Those of an account are not:
  people have their own things to ask, and nearly every account differs from the pool. `null="accounts"`, the default,
  takes the threshold from the windows of honest accounts, at most 0.3 % of which exceed it: the paper's rate of false
  alarms, at what the detector is for. With fewer than 334 windows none exceeds it. A service's most monotonous honest
  accounts then set the threshold. Both are rows of the table.
* The pool is a uniform sample of 8,192 honest queries, where the paper has 80 % of about 10,000. Windows to calibrate
  on are a uniform sample of at most 2,000 and of at most 500,000 queries together. Nothing of the pool is held back
  from them: a query that is in both is one of thousands.
* The 20 samples are drawn once, not anew for each window: a window's score is then a number, not a draw.
* The paper embeds with bge-small-en-v1.5; see `embedding.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from bench.detection_baselines.baseline import Flag, flag_after
from bench.detection_baselines.calibration import threshold
from bench.detection_baselines.embedding import Embedding, Vectors, newest_turn
from bench.detection_baselines.mmd_statistic import Reference, median_distance, mmd2
from bench.detection_baselines.reservoir import Reservoir
from stillhouse.errors import ConfigError
from stillhouse.types import Exchange

__all__ = ["WINDOWS", "Mmd"]

WINDOWS = (100, 200, 500, 1000, 1500)
_FALSE_ALARMS = 0.003
_POOL = 8192
_FOR_BANDWIDTH = 2000
_MOST_WINDOWS = 2000
_MOST_QUERIES = 500_000
_PAIRS = 1000
_PERCENTILE = 95


class Mmd:
    """`threshold`, and `calibrated_on` (windows or pairs that it rests on), are known after `fit`."""

    def __init__(
        self, window: int, embedding: Embedding, *, null: Literal["accounts", "pairs"] = "accounts", seed: int = 0
    ) -> None:
        self.name = f"MMD, windows of {window:,}, {embedding.name}"
        if null == "pairs":
            self.name += ", published null"
        self.threshold: float | None = None
        self.calibrated_on = 0
        self._window = window
        self._embedding = embedding
        self._null = null
        self._seed = seed
        self._reference: Reference | None = None

    def fit(self, honest: Iterable[Exchange]) -> None:
        """Raises ConfigError where no honest account fills a window (`pairs`: where all together do not)."""
        random = np.random.Generator(np.random.PCG64(self._seed))
        pool: Reservoir[str] = Reservoir(_POOL, random)
        windows: Reservoir[list[str]] = Reservoir(max(1, min(_MOST_WINDOWS, _MOST_QUERIES // self._window)), random)
        blocks = _Blocks(self._window)
        for exchange in honest:
            text = newest_turn(exchange)
            if text:
                pool.offer(text)
                full = blocks.add(exchange.account, text) if self._null == "accounts" else None
                if full is not None:
                    windows.offer(full)
        if len(pool.items) < self._window or (self._null == "accounts" and not windows.items):
            raise ConfigError(
                f"{self.name}: no window of {self._window:,} honest requests with text; give a longer honest log, "
                "or a smaller window"
            )
        known = self._embedding(pool.items)
        sample = random.choice(len(known), min(_FOR_BANDWIDTH, len(known)), replace=False)
        reference = Reference.draw(known, self._window, median_distance(known[sample]), random)
        if self._null == "accounts":
            scores = [reference.score(self._embedding(window)) for window in windows.items]
            self.threshold = threshold(scores, _FALSE_ALARMS)
        else:
            scores = [self._pair(known, reference.sigma, random) for _ in range(_PAIRS)]
            self.threshold = float(np.percentile(scores, _PERCENTILE))
        self.calibrated_on = len(scores)
        self._reference = reference

    def _pair(self, pool: Vectors, sigma: float, random: np.random.Generator) -> float:
        size = self._window
        if len(pool) >= 2 * size:
            drawn = random.choice(len(pool), 2 * size, replace=False)
            return mmd2(pool[drawn[:size]], pool[drawn[size:]], sigma)
        first, second = (random.choice(len(pool), size, replace=False) for _ in range(2))
        return mmd2(pool[first], pool[second], sigma)

    def flag(self, log: Iterable[Exchange]) -> Iterator[Flag]:
        if self.threshold is None or self._reference is None:
            raise RuntimeError("fit comes before flag")
        flagged: set[str] = set()
        blocks = _Blocks(self._window)
        for exchange in log:
            if exchange.account in flagged:
                continue
            text = newest_turn(exchange)
            window = blocks.add(exchange.account, text) if text else None
            if window is None:
                continue
            score = self._reference.score(self._embedding(window))
            if score > self.threshold:
                flagged.add(exchange.account)
                yield flag_after(
                    exchange, f"MMD^2 {score:.4g} of {self._window:,} requests, above {self.threshold:.4g}"
                )


class _Blocks:
    """Consecutive blocks of each account's texts; no more than one unfinished block of an account is kept."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: dict[str, list[str]] = {}

    def add(self, account: str, text: str) -> list[str] | None:
        """The block that this text completes."""
        waiting = self._waiting.setdefault(account, [])
        waiting.append(text)
        return self._waiting.pop(account) if len(waiting) == self._size else None
