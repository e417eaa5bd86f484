"""The processes of one run: which one this is, how they agree, and how they end together.

`torchrun` and `accelerate launch` start the same command several times and say in environment variables which one
each of them is. All do the same things in the same order. What has one result (a file, a choice by the clock) is made
by the first and told to the others. A run of one process is the case in which all of this is nothing, so no other
code asks how many there are.
"""

import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from stillhouse.distill.config import DistillSettings
from stillhouse.errors import ConfigError, StillhouseError, TrainingError

__all__ = ["ALONE", "Processes", "check_shares", "started"]

T = TypeVar("T")

# The first process measures and writes while the others wait. A lost one is seen by its connection, not by the clock.
_LONGEST_WAIT = timedelta(days=7)
_LOST = re.compile(r"connection|peer|socket|gloo|nccl", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Processes:
    """Process number `rank` of `size`, and `local_rank` of `local_size` on its own machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes the files."""
        return self.rank == 0

    def dealt(self, things: Sequence[T]) -> list[tuple[T, bool]]:
        """This process's share of `things`, every `size`-th, and whether each of them counts.

        What all have to do together must be as often for all: who has too few gets the last thing again, which then
        does not count.
        """
        places = range(self.rank, -(-len(things) // self.size) * self.size, self.size)
        return [(things[min(i, len(things) - 1)], i < len(things)) for i in places]

    def gather(self, value: T) -> list[T]:
        """The `value` of every process, in order of rank, at each of them."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found

    def merged(self, parts: Mapping[int, T]) -> list[T]:
        """All things in order, from the ones that each process made, by index."""
        found: dict[int, T] = {}
        for part in self.gather(parts):
            found |= part
        return [found[i] for i in range(len(found))]

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` returns at the first process, the only one that calls it.

        Its StillhouseError is raised there, and SystemExit at the others, which have nothing to add.
        """
        if self.size == 1:
            return make()
        told: list[Any] = [None, None]
        if self.first:
            try:
                told[0] = make()
            except StillhouseError as error:
                told[1] = error
        dist.broadcast_object_list(told, src=0)
        if told[1] is not None:
            raise told[1] if self.first else SystemExit(2)
        made: T = told[0]
        return made

    @contextmanager
    def interrupts(self) -> Iterator[Callable[[], None]]:
        """Ctrl-C reaches each process at another moment; inside, all see it at their next call of what this yields.

        That call raises KeyboardInterrupt at all of them if one of them was interrupted.
        """
        if self.size == 1:
            yield lambda: None
            return
        held: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))

        def agree() -> None:
            if any(self.gather(bool(held))):
                raise KeyboardInterrupt

        try:
            yield agree
        finally:
            signal.signal(signal.SIGINT, before)


ALONE = Processes()


@contextmanager
def started(environ: Mapping[str, str]) -> Iterator[Processes]:
    """The processes that the variables of torchrun announce in `environ`, connected; one if there are none.

    A fault is raised at the process that met it first. The others end by SystemExit without a word, as does one that
    finds another gone after that; TrainingError if one is gone that said nothing. ConfigError for half a set of
    variables.
    """
    processes = _announced(environ)
    if processes.size == 1:
        yield processes
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(processes.local_rank % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    store, rank, size = next(rendezvous("env://", processes.rank, processes.size))
    groups = PrefixStore("groups", store)
    dist.init_process_group(backend, store=groups, rank=rank, world_size=size, timeout=_LONGEST_WAIT)
    try:
        yield processes
    except StillhouseError:
        if _first_fault(store):
            raise
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        if _first_fault(store):
            raise
        raise SystemExit(130) from None
    except RuntimeError as error:
        first = _first_fault(store)
        if not _LOST.search(str(error)):
            raise
        if not first:
            raise SystemExit(2) from None
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"process {rank} of {size}: another process of this run is gone ({reason}); see whether its machine ran "
            "out of memory, then go on with --resume"
        ) from error
    # Only now: with operations under way, taking NCCL down waits for them, and the process has to end.
    dist.barrier()
    dist.destroy_process_group()


def check_shares(settings: DistillSettings, device: str, processes: Processes) -> None:
    """ConfigError unless each process gets as many micro-batches of a step, and a GPU of its own on `device` cuda."""
    size = processes.size
    if settings.batch % (settings.micro_batch * size):
        raise ConfigError(
            f"batch is {settings.batch}: {size} processes that read micro_batch {settings.micro_batch} answers at a "
            f"time need a multiple of {settings.micro_batch * size}; change batch, micro_batch or the number of "
            "processes"
        )
    if size == 1 or device == "cpu":
        return
    if device != "cuda":
        raise ConfigError(f"device is '{device}' for {size} processes, each of which takes a GPU; use device=cuda")
    if processes.local_size > torch.cuda.device_count():
        raise ConfigError(
            f"{processes.local_size} processes on a machine with {torch.cuda.device_count()} GPUs; start as many as "
            "there are GPUs, or use device=cpu"
        )


def _announced(environ: Mapping[str, str]) -> Processes:
    size = environ.get("WORLD_SIZE", "1")
    if size == "1":
        return ALONE
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    for name in names:
        value = environ.get(name)
        if value is None or (name != "MASTER_ADDR" and not value.isdecimal()):
            raise ConfigError(
                f"WORLD_SIZE is {size} and {name} is {'not set' if value is None else value}; start with torchrun or "
                "accelerate launch, which set them all, or unset WORLD_SIZE"
            )
    if environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true"):
        raise ConfigError(
            "accelerate launch --use_fsdp lets Transformers load weights at the first process alone; leave it out and "
            "say --multi_gpu: weights are sharded here by themselves"
        )
    rank, whole, local_rank, local_size = (int(environ[name]) for name in names[:4])
    return Processes(rank, whole, local_rank, local_size)


def _first_fault(store: Store) -> bool:
    """Whether no process has reported a fault before. The one that holds the store may be gone: then it has."""
    try:
        return bool(store.add("faults", 1) == 1)
    except RuntimeError:
        return False
