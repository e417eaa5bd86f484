"""Honest groups as rows: people who share a wording, some of whom are recognisable by what they ask or by when."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import expit

from recipes.validity.looks import TIMES, WORDS, People
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.content import content
from stillhouse.guard.features.tokens import Kind, hasher, token
from stillhouse.guard.features.words import BUCKETS
from tests.guard.detection import MINUTE, row

__all__ = ["crowds"]

_IDF = np.full(BUCKETS, 6.0, np.float32)
_PEOPLE = (18, 70)
_REQUESTS = (6, 14)
_TOPICS = 2000
_hashed = hasher(b"crowds")


def crowds(
    rng: np.random.Generator, people: People, groups: int, span: int, is_evidence: Callable[[str], bool], name: str
) -> Iterator[Row]:
    """The rows of so many groups in the order of time, within `span` microseconds. Names begin with `name`.

    What they have in common is the wording alone. Who is recognisable by words keeps to a topic, who is by times asks
    in one sitting; nobody else does either.
    """
    found: list[Row] = []
    for group, logit in enumerate(people.draw(rng, groups).tolist()):
        wording = token(Kind.WORDING, _hashed(f"{name}{group}"))
        size = int(rng.integers(*_PEOPLE))
        for person in range(size):
            account = f"{name}{group}.{person}"
            client = token(Kind.CLIENT, _hashed(account))
            count = int(rng.integers(*_REQUESTS))
            topic = int(rng.integers(_TOPICS)) if rng.random() < expit(WORDS + logit) else None
            sits = rng.random() < expit(TIMES + logit)
            begins = int(rng.integers(span))
            for number in range(count):
                at = begins + number * 2 * MINUTE if sits else int(rng.integers(span))
                id = f"{account}.{number}"
                evidence = is_evidence(id)
                found.append(
                    row(
                        id,
                        min(at, span - 1),
                        account,
                        evidence=evidence,
                        client=client,
                        wording=(wording,),
                        content=_said(rng, topic) if evidence else b"",
                    )
                )
    return iter(sorted(found, key=lambda one: (one.at, one.id)))


def _said(rng: np.random.Generator, topic: int | None) -> bytes:
    """Ten words of a topic, of any topic where it is None, and ten that anybody has."""
    about = int(rng.integers(_TOPICS)) if topic is None else topic
    own = [f"t{about}w{one}" for one in rng.integers(0, 20, 10)]
    return content([*own, *(f"w{one}" for one in rng.integers(0, 3000, 10))], _IDF)
