"""A small corpus, made here in a moment: eight topics with words of their own, and something of every other kind."""

from collections.abc import Iterable
from random import Random

from stillhouse.range.arrivals import DAY
from stillhouse.range.cast import Actor, Ask
from stillhouse.range.corpus import CodingSession, Conversation, Corpus, Item, Task
from stillhouse.range.world import World

__all__ = ["BEGIN", "asks_of", "small_corpus", "world_on"]

BEGIN = 20_654 * DAY  # Monday 2026-07-20
SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "pa", "ri", "su", "ta", "vo", "we")
COMMON = ("the", "of", "and", "how", "do", "I", "what", "is", "for", "a", "with", "my", "to", "about")


def words(rng: Random, count: int) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=3)) for _ in range(count)]


def sentence(rng: Random, vocabulary: list[str], length: int) -> str:
    said = [rng.choice(COMMON) if rng.random() < 0.4 else rng.choice(vocabulary) for _ in range(length)]
    return " ".join(said).capitalize() + rng.choice((".", "?"))


def small_corpus(conversations: int = 320) -> Corpus:
    rng = Random(7)
    topics = [words(rng, 30) for _ in range(8)]
    talks = []
    for number in range(conversations):
        vocabulary = topics[number % len(topics)]
        turns = tuple(
            (
                " ".join(sentence(rng, vocabulary, rng.randint(5, 12)) for _ in range(rng.randint(1, 3))),
                sentence(rng, vocabulary, 15),
            )
            for _ in range(rng.randint(1, 4))
        )
        talks.append(Conversation(f"talk-{number}", turns))
    everything = [word for vocabulary in topics for word in vocabulary]
    texts = [sentence(rng, everything, 12) for _ in range(200)]
    return Corpus(
        conversations=tuple(talks),
        instructions=tuple(Task(f"Task {number}: {text}", "", "Done.") for number, text in enumerate(texts[:120])),
        benchmarks={
            "facts": tuple(Item(f"Fact {n}: {texts[n]}", "yes") for n in range(60)),
            "sums": tuple(Item(f"What is {n} plus {n * 7}?", str(n * 8)) for n in range(60)),
            "sums_train": tuple(Item(f"Train: what is {n} minus 3?", str(n - 3)) for n in range(80)),
        },
        documents=tuple(f"{text} {other}" * 4 for text, other in zip(texts[:40], texts[40:80], strict=True)),
        code_tasks=tuple(f"Write a function that {text}" for text in texts[:20]),
        roles=tuple(f"You are helper {number}." for number in range(6)),
        agentic=tuple(
            CodingSession(
                f"In file_{n}.py: mend it.",
                (
                    ("read_file", {"path": f"file_{n}.py", "offset": "0"}, texts[n]),
                    ("run_tests", {"select": "all"}, "ok"),
                ),
                "Done.",
            )
            for n in range(12)
        ),
        sources={"conversations": "made for tests"},
    )


def world_on(corpus: Corpus, days: int = 7, seed: int = 5, wander: float = 0.2) -> World:
    return World(seed, BEGIN, days, corpus, wander)


def asks_of(actors: Iterable[Actor]) -> list[Ask]:
    """Everything that the actors ask, actor by actor."""
    return [event for actor in actors for event in actor.play() if isinstance(event, Ask)]
