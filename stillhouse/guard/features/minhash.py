"""MinHash of a wording's three-word shingles, in bands: near wordings share a band, and equality of numbers finds them.

Two wordings with Jaccard similarity s share at least one of the 6 bands of 3 with probability 1 - (1 - s^3)^6: 0.96 at
0.75, 0.55 at one half, 0.15 at 0.3 (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4).

Words come in as numbers under a key, so what is computed of them is under the key too.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.features.tokens import Hasher

__all__ = ["BANDS", "bands"]

BANDS = 6
_ROWS = 3
_SHINGLE = 3
_generator = np.random.Generator(np.random.PCG64(20_261_128))
# Multiples of a number of 64 bits by odd factors: their upper bits are universal hashes (Dietzfelbinger et al. 1997).
_FACTORS = _generator.integers(1 << 62, 1 << 63, BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
_MIX = _generator.integers(1 << 62, 1 << 63, (2, _SHINGLE), dtype=np.uint64) | np.uint64(1)
_HALF = np.uint64(32)


def bands(wordings: Sequence[Sequence[str]], hashed: Hasher) -> NDArray[np.uint64]:
    """One number for each band of each wording of three words or more [wordings, BANDS]; `hashed` is that of words.

    Many at once, because an array costs more to set up than the shingles of one wording to hash.
    """
    ends = np.cumsum([len(words) for words in wordings])
    numbers = np.fromiter(map(hashed, chain.from_iterable(wordings)), np.uint64, ends[-1])
    shingles = numbers[:-2] * _MIX[0, 0] + numbers[1:-1] * _MIX[0, 1] + numbers[2:] * _MIX[0, 2]
    shingles ^= shingles >> _HALF
    # Of each wording its own shingles, and the two that go on into the next one.
    runs = np.column_stack([np.concatenate([[0], ends[:-1]]), ends - (_SHINGLE - 1)]).ravel()[:-1]
    least = np.minimum.reduceat(shingles[:, None] * _FACTORS, runs, axis=0)[::2]
    return np.asarray(least.reshape(-1, BANDS, _ROWS) @ _MIX[1])
