"""MinHash of a wording's three-word shingles, in bands: near wordings share a band, and equality of numbers finds them.

Two wordings with Jaccard similarity s share at least one of the 6 bands of 3 with probability 1 - (1 - s^3)^6: 0.97 at
0.75, 0.55 at one half, 0.15 at 0.3 (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4).
"""

from collections.abc import Sequence

import numpy as np

from stillhouse.guard.features.words import bucket

__all__ = ["BANDS", "bands"]

BANDS = 6
_ROWS = 3
_SHINGLE = 3
_generator = np.random.Generator(np.random.PCG64(20_261_128))
_FACTORS = _generator.integers(1 << 62, 1 << 63, BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
_OFFSETS = _generator.integers(0, 1 << 63, BANDS * _ROWS, dtype=np.uint64)
_MIX = _generator.integers(1 << 62, 1 << 63, _SHINGLE + _ROWS, dtype=np.uint64) | np.uint64(1)
_HALF = np.uint64(32)


def bands(words: Sequence[str]) -> list[int]:
    """One number of 64 bits for each band; of fewer than three words none."""
    if len(words) < _SHINGLE:
        return []
    numbers = np.fromiter(map(bucket, words), np.uint64, len(words))
    shingles = numbers[:-2] * _MIX[0] + numbers[1:-1] * _MIX[1] + numbers[2:] * _MIX[2]
    shingles ^= shingles >> _HALF
    # Multiply-shift (Dietzfelbinger et al. 1997): the upper half of an odd multiple is a universal hash.
    least = ((shingles[:, None] * _FACTORS + _OFFSETS) >> _HALF).min(axis=0).reshape(BANDS, _ROWS)
    mixed = (least * _MIX[_SHINGLE:]).sum(axis=1)
    return [int(one) for one in mixed]
