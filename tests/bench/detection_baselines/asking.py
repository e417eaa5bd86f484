"""Exchanges made by hand, and an embedding whose vectors are what the text says."""

from collections.abc import Sequence

import numpy as np

from bench.detection_baselines.embedding import Vectors
from stillhouse.records.times import rfc3339
from stillhouse.types import Exchange

START = 1_784_000_000_000
SECOND, DAY = 1000, 86_400_000


def ask(account: str, at: int, text: str | None = "a question", ip: str | None = None) -> Exchange:
    """A request `at` milliseconds after START; its id says whose and when."""
    return Exchange(
        id=f"{account}@{at}",
        time=rfc3339(START + at),
        account=account,
        model="m",
        api="chat.completions",
        request={"messages": [{"role": "user", "content": text}]},
        client={} if ip is None else {"ip": ip},
    )


class Spelled:
    """`"0.5 2"` is the vector (0.5, 2), not made of unit length."""

    name = "spelled"

    def __call__(self, texts: Sequence[str]) -> Vectors:
        return np.array([[float(number) for number in text.split()] for text in texts], np.float32)


class Axes:
    """`"3 0.5"` lies 0.5 along axis 3, so its distance from the origin is 0.5 and from all others of its kind more."""

    name = "axes"

    def __call__(self, texts: Sequence[str]) -> Vectors:
        found = np.zeros((len(texts), 512), np.float32)
        for row, text in enumerate(texts):
            axis, along = text.split()
            found[row, int(axis)] = float(along)
        return found
