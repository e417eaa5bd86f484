"""What a recipe printed and found, as a file: the pages that quote it are made from that file (`scripts/docs`).

A figure without its machine and its code cannot be compared with anything, so both are in it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.results import machine
from stillhouse.records import commit, versions, write_json

__all__ = ["Result", "interval"]


def interval(found: Mapping[str, Any]) -> str:
    """A measure with its 95 % interval, as recipes print it."""
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


class Result:
    """Call it with each line that the reader should see; `write` puts them into `result.json` in a run's folder."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        print(line, flush=True)
        self.lines += line.splitlines()

    def write(self, folder: Path, figures: Mapping[str, Any]) -> None:
        about = {"machine": machine(), "versions": versions(), "commit": commit()}
        write_json(folder / "result.json", about | {"figures": dict(figures), "printed": self.lines})
