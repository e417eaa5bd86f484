"""Which exchanges say nearly the same: MinHash finds candidates, the exact Jaccard index decides.

A text is the set of its word sequences (shingles; Broder 1997, "On the resemblance and containment of documents").
MinHash alone would decide by an estimate with a standard error of about 0.035 at 128 permutations; here it only saves
comparing everything with everything, and no pair below the threshold is ever called alike.
"""

from collections.abc import Sequence
from typing import Any

from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

from stillhouse.distill.collect.settings import DedupSettings

__all__ = ["NearDuplicates", "bands", "jaccard", "shingles"]

_PERMUTATIONS = 128
_MISSED = 0.01  # largest probability that a pair exactly at the threshold is not compared

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str, words: int) -> Shingles:
    """Every sequence of `words` words, without regard to case; a shorter text is one sequence, an empty one none."""
    all_words = text.casefold().split()
    if not all_words:
        return frozenset()
    count = max(1, len(all_words) - words + 1)
    return frozenset(tuple(all_words[i : i + words]) for i in range(count))


def jaccard(a: Shingles, b: Shingles) -> float:
    """|a and b| / |a or b|; 1 for two empty sets."""
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def bands(threshold: float) -> tuple[int, int]:
    """(bands, rows) of the index: the most rows with which a pair at `threshold` is missed in at most 1 of 100 cases.

    Two signatures of Jaccard index s agree in a band of r rows with probability s^r, so all b bands miss the pair with
    probability (1 - s^r)^b (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, section 3.4). More rows bring
    fewer candidates to compare.
    """
    choices = ((_PERMUTATIONS // rows, rows) for rows in range(_PERMUTATIONS // 2, 0, -1))
    return next((b, r) for b, r in choices if r == 1 or (1 - threshold**r) ** b <= _MISSED)


class NearDuplicates:
    """Keeps the first of each group of near-duplicates, in the order in which `first_like` is asked.

    Unless `across_prompts`, two exchanges are alike if their prompts are and their answers are. Then the Jaccard index
    of the tagged union of both sets is at least the smaller of the two, so one index over the unions finds every such
    pair: (a + c) / (b + d) lies between a / b and c / d.
    """

    def __init__(self, settings: DedupSettings, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self.index: Any = MinHashLSH(num_perm=_PERMUTATIONS, params=bands(settings.threshold))
        self.kept: list[tuple[str, Sequence[Shingles]]] = []

    def first_like(self, id: str, prompt: str, answer: str) -> str | None:
        """The id of the first kept exchange that is like this one; None, and this one is kept, if there is none."""
        texts = (answer,) if self.settings.across_prompts else (prompt, answer)
        parts = [shingles(text, self.settings.words) for text in texts]
        signature = self._signature(parts)
        candidates: list[int] = sorted(self.index.query(signature))
        for place in candidates:
            other, theirs = self.kept[place]
            if all(jaccard(a, b) >= self.settings.threshold for a, b in zip(parts, theirs, strict=True)):
                return other
        self.index.insert(len(self.kept), signature)
        self.kept.append((id, parts))
        return None

    def _signature(self, parts: Sequence[Shingles]) -> MinHash:
        signature = MinHash(num_perm=_PERMUTATIONS, seed=self.seed + 1)
        signature.update_batch(
            f"{tag} {' '.join(shingle)}".encode("utf-8", "surrogatepass")
            for tag, part in enumerate(parts)
            for shingle in part
        )
        return signature
