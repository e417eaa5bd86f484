"""What a comparison found, in the one form that every bench writes and prints.

A number without its machine cannot be compared with anything, so machine and versions go into the same file.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from stillhouse.records import commit, versions, write_json

__all__ = ["Row", "machine", "print_table", "write"]

RESULTS = Path(__file__).parent / "results"
# What decides how fast matrix products can be.
_FLAGS = (
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
    "sve",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured quantity: medians over `runs` alternating runs, quartiles beside them.

    `ratio` is ours / peer (medians) in `unit`, None where peer is 0; whether more is better depends on the unit. `peer`
    is None where a quantity has no peer.
    """

    what: str
    ours: float
    ours_quartiles: tuple[float, float]
    peer: float | None
    peer_quartiles: tuple[float, float] | None
    unit: str
    ratio: float | None
    runs: int

    @classmethod
    def of(cls, what: str, ours: Sequence[float], peer: Sequence[float] | None, unit: str) -> Self:
        """The row of two lists of measurements, one entry a run."""
        mine, my_quartiles = _summary(ours)
        theirs, their_quartiles = (None, None) if peer is None else _summary(peer)
        ratio = mine / theirs if theirs else None
        return cls(
            what=what,
            ours=mine,
            ours_quartiles=my_quartiles,
            peer=theirs,
            peer_quartiles=their_quartiles,
            unit=unit,
            ratio=ratio,
            runs=len(ours) if peer is None else min(len(ours), len(peer)),
        )


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, object]:
    """CPU model, cores this process may use, memory in bytes, and the CPU's matrix capabilities."""
    model, flags = platform.processor() or platform.machine(), set[str]()
    if cpuinfo.exists():
        lines = [line.partition(":") for line in cpuinfo.read_text().splitlines()]
        facts = {key.strip(): value.strip() for key, _, value in lines}
        model = facts.get("model name", model)
        flags = set((facts.get("flags") or facts.get("Features") or "").split())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": model,
        "cores": cores,
        "memory_bytes": psutil.virtual_memory().total,
        "flags": [flag for flag in _FLAGS if flag in flags],
        "system": f"{platform.system()} {platform.release()}",
    }


def write(name: str, rows: Sequence[Row], folder: Path = RESULTS) -> Path:
    """Write `folder/NAME.json` and return its path."""
    path = folder / f"{name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "versions": versions(), "commit": commit()}
    write_json(path, about | {"rows": [asdict(row) for row in rows]})
    return path


def print_table(name: str, rows: Sequence[Row], console: Console | None = None) -> None:
    """The same rows as a table: median and, in brackets, the interquartile range."""
    table = Table(title=name)
    for heading in ("what", "ours", "peer", "unit", "ratio", "runs"):
        table.add_column(heading, justify="left" if heading in ("what", "unit") else "right")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        ours, peer = _cell(row.ours, row.ours_quartiles), _cell(row.peer, row.peer_quartiles)
        table.add_row(row.what, ours, peer, row.unit, ratio, str(row.runs))
    (console or Console()).print(table)


def _summary(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    low, median, high = (float(q) for q in np.quantile(np.asarray(values, dtype=np.float64), [0.25, 0.5, 0.75]))
    return median, (low, high)


def _cell(value: float | None, quartiles: tuple[float, float] | None) -> str:
    if value is None or quartiles is None:
        return ""
    return f"{value:.5g} [{quartiles[0]:.5g}, {quartiles[1]:.5g}]"
