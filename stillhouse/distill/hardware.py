"""Which device, number format and thread count are fastest here: measured, because guesses are often wrong.

On a shared machine two threads can be slower than one, and bfloat16 products are five times faster than
float32 on a CPU with the instructions and a hundred times slower on one without.
"""

import ctypes
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from stillhouse.distill.config import DistillSettings
from stillhouse.errors import ConfigError

__all__ = ["Hardware", "choose_device", "choose_dtype", "choose_threads", "keep_freed_memory", "matmul_seconds"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a run computes on. Kept in the run folder, so that a resumed run computes alike."""

    device: str
    dtype: str
    threads: int

    @property
    def torch_dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.dtype == "bfloat16" else torch.float32

    def apply(self) -> None:
        """Set the thread count of this process."""
        torch.set_num_threads(self.threads)

    @classmethod
    def measure(cls, settings: DistillSettings, sharing: int = 1) -> "Hardware":
        """What `settings` leave open is measured, for `sharing` processes that share this machine's cores."""
        device = choose_device(settings.device)
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        dtype = choose_dtype(device) if settings.dtype == "auto" else settings.dtype
        threads = settings.threads or 1
        if settings.threads is None and device == "cpu":
            threads = choose_threads(max(1, _cores() // sharing), getattr(torch, dtype))
        return cls(device=device, dtype=dtype, threads=threads)


def keep_freed_memory() -> bool:
    """Let glibc keep blocks of up to 32 MB that are freed for the next step, instead of handing them to the kernel.

    A step allocates the same arrays as the one before it, and clearing fresh pages for each of them takes long
    (dev/LOG.md, 2026-11-24). It holds for the whole process until it ends, so commands call this and library functions
    do not. Returns whether it was done; elsewhere than on glibc it is not.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    # 32 MB is the most that glibc takes.
    return bool(libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def choose_device(asked: str) -> str:
    """`auto` is the first GPU if there is one. ConfigError if `asked` is not here."""
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", asked, re.ASCII):
        raise ConfigError(f"device '{asked}' is not known; use auto, cpu, cuda or cuda:N")
    if asked == "cpu":
        return asked
    if not torch.cuda.is_available():
        raise ConfigError(f"device '{asked}': PyTorch sees no GPU here; use device=cpu")
    count = torch.cuda.device_count()
    if int(asked.partition(":")[2] or 0) >= count:
        raise ConfigError(f"device '{asked}': PyTorch sees {count} here; use cuda:0 to cuda:{count - 1}")
    return asked


def choose_dtype(device: str) -> str:
    """`bfloat16` on GPUs that have it, and on CPUs where a product of training's shape is 1.5 times faster in it."""
    if device != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # A tiny product first: without the instructions a large one would take minutes. It tells of nothing else.
    for shape, gain in (((32, 256, 256), 1 / 3), ((256, 576, 1536), 1.5)):
        if matmul_seconds(shape, torch.bfloat16) * gain > matmul_seconds(shape, torch.float32):
            return "float32"
    return "bfloat16"


def choose_threads(most: int, dtype: torch.dtype) -> int:
    """The thread count from 1, 2, 4, ... `most` that does a layer's work soonest: a product, and small operations.

    In the number type of the run: on one machine two threads doubled the rate of bfloat16 products and lowered that
    of float32 ones (dev/LOG.md, 2026-11-24).

    The small ones tell of a busy machine: there, threads that share one wait longer for each other than it takes.
    """
    counts = sorted({*(1 << i for i in range(most.bit_length())), most})
    seconds: dict[int, float] = {}
    before = torch.get_num_threads()
    for count in counts:
        torch.set_num_threads(count)
        seconds[count] = matmul_seconds((256, 576, 1536), dtype, small=12)
    torch.set_num_threads(before)
    return min(counts, key=lambda count: seconds[count])


def matmul_seconds(
    shape: tuple[int, int, int],
    dtype: torch.dtype,
    repeats: int = 15,
    small: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Median seconds of an (m, k) x (k, n) product on the CPU, followed by `small` additions to an (m, k) array."""
    m, k, n = shape
    a, b = torch.ones(m, k, dtype=dtype), torch.ones(k, n, dtype=dtype)
    taken = []
    for _ in range(repeats):
        start = clock()
        torch.mm(a, b)
        for _ in range(small):
            a.add_(0.0)
        taken.append(clock() - start)
    return sorted(taken)[repeats // 2]


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
