"""Chance as a function of what it is for.

A judge asks about many prompts at once, in whatever order the endpoint answers. Random numbers out of one stream would
depend on that order, and a run that goes on after a kill would ask other questions than those in its cache.
"""

import hashlib
import json

__all__ = ["number", "shuffled"]


def number(*about: int | str | None) -> int:
    """A whole number in [0, 2^31) that looks random and depends on `about` alone: a seed that every endpoint takes."""
    return int.from_bytes(hashlib.sha256(json.dumps(about).encode()).digest()[:4], "big") >> 1


def shuffled(items: list[int], *about: int | str) -> list[int]:
    """`items` in an order that depends on `about` alone, each order equally likely."""
    return sorted(items, key=lambda item: hashlib.sha256(json.dumps([*about, item]).encode()).digest())
