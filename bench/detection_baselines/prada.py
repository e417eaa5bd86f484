"""PRADA: the distances of honest queries from each other are normally distributed, those of a model thief are not.

Juuti, Szyller, Marchal, Asokan (EuroS&P 2019, arXiv 1805.02628), with the authors' code (SSGAalto, commit aa54347).
Kept of it: the growing set, the Euclidean distance, distances further than 3 standard deviations from their mean left
out, the Shapiro-Wilk statistic W of the rest, an account flagged where W is below delta, nobody before there are more
than 100 distances, and a look at every tenth query (the paper looks at every one, the code at every tenth).

Adapted to accounts that send text:

* A query is the embedding of the newest turn, of unit length. The paper's are pixels. Distances of embeddings are
  those that the MMD paper's own PRADA has (LabRAI, commit 8bf1aa1); requests without text are passed over.
* The growing sets of the paper are one for each class that the model answers with. A text has no class: there is one
  set.
* delta is not chosen for each model by hand. At most 0.3 % of the honest accounts with more than 100 distances have a
  W below it at any look in the reference; with fewer than 334 such accounts none has. W falls with nothing but luck
  as looks go on, so an account that is watched for longer than the reference lasts is flagged more often than that.
* Memory is bounded: a set stops growing at 2,048 members, and W is of the latest 5,000 distances, which is as far as
  the approximation of W goes (Royston 1995). The paper keeps all.
* Distances that are all one value have no W. Nobody is flagged for them, as in the authors' code, which throws them
  all out: who sends one text for ever is not found.

`flag` embeds an account's first 111 requests together and then ten at a time, which changes nothing of what it
decides.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import shapiro

from bench.detection_baselines.baseline import Flag, flag_after
from bench.detection_baselines.calibration import threshold
from bench.detection_baselines.embedding import Embedding, newest_turn
from bench.detection_baselines.growing_set import GrowingSet
from stillhouse.errors import ConfigError
from stillhouse.types import Exchange

__all__ = ["Prada", "normality"]

_FALSE_ALARMS = 0.003
_MIN_DISTANCES = 100
_MOST_DISTANCES = 5000
_LOOKS_EVERY = 10
_FIRST_LOOK = _MIN_DISTANCES + _LOOKS_EVERY + 1


class Prada:
    """`delta` and `judged` (honest accounts that it rests on) are known after `fit`."""

    def __init__(self, embedding: Embedding) -> None:
        self.name = f"PRADA, {embedding.name}"
        self.delta: float | None = None
        self.judged = 0
        self._embedding = embedding

    def fit(self, honest: Iterable[Exchange]) -> None:
        """Raises ConfigError where no honest account has 111 requests with text."""
        accounts: dict[str, _Account] = {}
        lowest: dict[str, float] = {}
        for exchange in honest:
            account = accounts.get(exchange.account)
            if account is None:
                account = accounts[exchange.account] = _Account()
            found = account.add(newest_turn(exchange), self._embedding)
            if found is not None:
                lowest[exchange.account] = min(lowest.get(exchange.account, 1.0), found)
        if not lowest:
            raise ConfigError(
                f"{self.name}: no honest account has {_FIRST_LOOK} requests with text; give a longer honest log"
            )
        self.judged = len(lowest)
        self.delta = -threshold([-w for w in lowest.values()], _FALSE_ALARMS)

    def flag(self, log: Iterable[Exchange]) -> Iterator[Flag]:
        if self.delta is None:
            raise RuntimeError("fit comes before flag")
        accounts: dict[str, _Account] = {}
        flagged: set[str] = set()
        for exchange in log:
            if exchange.account in flagged:
                continue
            account = accounts.get(exchange.account)
            if account is None:
                account = accounts[exchange.account] = _Account()
            found = account.add(newest_turn(exchange), self._embedding)
            if found is not None and found < self.delta:
                flagged.add(exchange.account)
                del accounts[exchange.account]
                yield flag_after(exchange, f"W {found:.3f} of its distances is below {self.delta:.3f}")


class _Account:
    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._queries = GrowingSet()
        self._distances: deque[float] = deque(maxlen=_MOST_DISTANCES)

    def add(self, text: str, embedding: Embedding) -> float | None:
        """W where this request is one at which to look and there is a W."""
        if not text:
            return None
        self._waiting.append(text)
        if len(self._waiting) < (_LOOKS_EVERY if len(self._queries) else _FIRST_LOOK):
            return None
        for query in embedding(self._waiting):
            distance = self._queries.add(query)
            if distance is not None:
                self._distances.append(distance)
        self._waiting.clear()
        return normality(np.asarray(self._distances))


def normality(distances: NDArray[np.float64]) -> float | None:
    """W of the distances within 3 standard deviations of their mean; None where those are all one value."""
    mean, deviation = float(distances.mean()), float(distances.std())
    kept = distances[np.abs(distances - mean) <= 3 * deviation]
    if not len(kept) or float(np.ptp(kept)) == 0.0:
        return None
    return float(shapiro(kept).statistic)
