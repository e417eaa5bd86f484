"""MinHash of a wording's three-word shingles, in bands: near wordings share a band, and equality of numbers finds them.

Two wordings with Jaccard similarity s share at least one of the 6 bands of 3 with probability 1 - (1 - s^3)^6: 0.97 at
0.75, 0.55 at one half, 0.15 at 0.3 (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4).

Words come in as numbers under a key, so what is computed of them is under the key too.
"""

from collections.abc import Sequence

import numpy as np

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


def bands(words: Sequence[str], hashed: Hasher) -> list[int]:
    """One number of 64 bits for each band, from words of 64 bits; of fewer than three words none."""
    if len(words) < _SHINGLE:
        return []
    numbers = np.fromiter(map(hashed, words), np.uint64, len(words))
    shingles = numbers[:-2] * _MIX[0, 0] + numbers[1:-1] * _MIX[0, 1] + numbers[2:] * _MIX[0, 2]
    shingles ^= shingles >> _HALF
    least = (shingles[:, None] * _FACTORS).min(axis=0)
    found: list[int] = (least.reshape(BANDS, _ROWS) @ _MIX[1]).tolist()
    return found
