"""Rows made by the workers of a Ray cluster and folded here: replay's other engine, with the same bytes.

Making rows needs one exchange at a time and is the bulk of the work, so it goes to workers, block by block. All that
depends on order is done here by the lines that the local engine runs.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stillhouse.errors import ConfigError, RecordError, StillhouseError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.row import Row
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.ahead import Ahead
from stillhouse.guard.replay.blocks import Block, blocks
from stillhouse.guard.replay.cluster_ray import cluster
from stillhouse.guard.replay.engine import Engine, Rows
from stillhouse.guard.replay.reading import Logs
from stillhouse.guard.replay.rows_of_block import Made, placed, rows_of_block, unpacked
from stillhouse.records import versions

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["ray_engine"]

_AHEAD = 4  # blocks a worker that are begun before they are asked for
_RETRIES = 3
_SAME = ("python", "stillhouse", "numpy")


def ray_engine(workers: int | None = None, address: str | None = None) -> Engine:
    """Rows made by `cluster(workers, address)`.

    ConfigError where there is none, or where its machines have other versions of what rows depend on; RecordError while
    rows are taken, where a log is at fault or workers die over it.
    """

    @contextmanager
    def made(logs: Logs, reference: Reference) -> Iterator[Rows]:
        with cluster(workers, address) as found:
            yield Rows("ray", found, _rows(logs, reference, _AHEAD * found))

    return made


def _rows(logs: Logs, reference: Reference, most: int) -> Iterator[Row]:
    import ray

    shared = ray.put((_versions(), reference.key, reference.idf))
    task = ray.remote(max_retries=_RETRIES)(_made)

    def begin(block: Block) -> tuple[Block, "ObjectRef[Made]"]:
        return block, task.remote(block, [shared])

    ahead = Ahead([blocks(path) for path in logs.files], begin, most)

    def read(log: int) -> Iterator[tuple[Row, int]]:
        for begun in ahead.of(log):
            yield from unpacked(_got(*begun), logs)

    return logs.merged([read(log) for log in range(len(logs.files))], placed)


def _made(block: Block, shared: "list[ObjectRef[Any]]") -> Made:
    """What a worker does. `shared` is in a list so that it comes as a reference, which each worker looks up once."""
    return rows_of_block(block, _extractor(shared[0]))


@lru_cache(maxsize=1)
def _extractor(shared: "ObjectRef[Any]") -> Extractor:
    import ray

    wanted, key, idf = ray.get(shared)
    found = _versions()
    if found != wanted:
        raise ConfigError(
            f"a Ray worker on {socket.gethostname()} has {found}, and this process {wanted}; "
            "rows could differ, so give all machines the same"
        )
    return Extractor(key, idf)


def _versions() -> dict[str, str]:
    """Of what rows depend on."""
    return {name: version for name, version in versions().items() if name in _SAME}


def _got(block: Block, ref: "ObjectRef[Made]") -> Made:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(ref)
    except RayTaskError as error:
        if isinstance(error.cause, StillhouseError):
            raise error.cause from None
        raise
    except RayError as error:
        reason = str(error).partition("\n")[0]
        raise RecordError(
            f"{block.path}: Ray's workers could not make rows of it in {1 + _RETRIES} tries ({reason}); "
            "see whether their machines have memory enough, or take engine 'local'"
        ) from None
