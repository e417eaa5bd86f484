"""The contrast set: enough pairs, many kinds, no text twice or nearly so."""

import json
import re
from collections import Counter
from importlib import resources
from itertools import combinations

from stillhouse.distill.safety.prompts import safety_pairs

TEXT = resources.files("stillhouse.distill").joinpath("data/safety_pairs.jsonl").read_text(encoding="utf-8")
PAIRS = [json.loads(line) for line in TEXT.splitlines()]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)


def test_enough_pairs_of_many_kinds() -> None:
    assert len(PAIRS) >= 200
    kinds = Counter(pair["category"] for pair in PAIRS)
    assert len(kinds) >= 15 and min(kinds.values()) >= 5
    assert all(set(pair) == {"id", "category", "harmful", "harmless"} for pair in PAIRS)
    assert len({pair["id"] for pair in PAIRS}) == len(PAIRS)


def test_no_text_of_one_pair_is_near_a_text_of_another() -> None:
    """Jaccard overlap of words at most one half between all texts of different pairs."""
    texts = [(i, words(pair[side])) for i, pair in enumerate(PAIRS) for side in ("harmful", "harmless")]
    assert max(overlap(a, b) for (i, a), (j, b) in combinations(texts, 2) if i != j) < 0.5


def test_look_alikes_share_words_and_are_not_the_same() -> None:
    shared = [overlap(words(pair["harmful"]), words(pair["harmless"])) for pair in PAIRS]
    assert min(shared) > 0.1 and max(shared) < 1
    assert sum(shared) / len(shared) > 0.35


def test_requests_only() -> None:
    """A harmful side is a short request without steps or quantities of anything."""
    assert all(len(pair[side]) < 200 for pair in PAIRS for side in ("harmful", "harmless"))
    assert not any(
        "\n" in pair["harmful"] or re.search(r"\b\d+ ?(?:g|mg|ml|grams?)\b", pair["harmful"]) for pair in PAIRS
    )


def test_read_as_prompts() -> None:
    prompts = safety_pairs()
    assert len(prompts) == 2 * len(PAIRS) == len({p.prompt.id for p in prompts})
    assert [p.harmful for p in prompts[:4]] == [True, False, True, False]
    assert prompts[0].prompt.messages[0].content == PAIRS[0]["harmful"] and prompts[0].category == "violence"
