"""A Ray cluster to make rows with: one of this machine that ends with the replay, or one that is there already.

A cluster runs whatever code it is sent. So our own listens on the loopback interface alone and wants a token that only
its processes know; of what Ray brings, the dashboard's pages and the reports of use are off.
"""

import logging
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stillhouse.errors import ConfigError
from stillhouse.records.held import held, taken_over

__all__ = ["cluster"]

_FOLDERS = "/tmp"  # and not TMPDIR: the path of a socket in such a folder has to stay below 104 bytes
_PREFIX = "stillhouse-ray-"
_STORE_BYTES = 1 << 27
_SILENT = {"RAY_DEDUP_LOGS_SKIP_REGEX": "."}  # what Ray would print on standard output of workers that died
_OWN = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # what keeps Ray to the loopback interface, on every system
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextmanager
def cluster(workers: int | None = None, address: str | None = None) -> Iterator[int]:
    """How many workers there are: `workers` processes of this machine (None: one for each CPU that this process may
    use), or those of a cluster that is there already: the one that this process is connected to, or the one at
    `address`.

    ConfigError where Ray is missing, no cluster is at `address`, or `workers` is asked of one that has its own.
    """
    own = {} if address is not None else {**_OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in {**_SILENT, **own}.items():
        os.environ.setdefault(name, value)  # Ray reads them when it is imported, and its processes when they begin
    try:
        import psutil  # noqa: F401
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"engine 'ray' needs {error.name}, which is not installed; "
            "pip install 'stillhouse[scale]', or take engine 'local'"
        ) from None
    there = ray.is_initialized()
    if workers is not None and (there or address is not None):
        raise ConfigError(f"workers is {workers}, and a Ray cluster that is there has its own; leave workers out")
    with ExitStack() as stack:
        if not there:
            stack.enter_context(_quiet("ray"))
            stack.enter_context(_own(workers or _cpus()) if address is None else _joined(address))
        yield int(ray.cluster_resources()["CPU"])


@contextmanager
def _own(workers: int) -> Iterator[None]:
    """A cluster of this machine. No process that it began and no file is left when the context has ended."""
    import psutil
    import ray

    with _folder() as folder:
        try:
            _init(
                "local",
                num_cpus=workers,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                object_store_memory=_STORE_BYTES,
                _temp_dir=folder,
            )
            yield
        finally:
            begun = _processes(folder)
            ray.shutdown()
            for process in begun:
                with suppress(psutil.NoSuchProcess):
                    process.kill()  # Ray's agents outlive for a minute a server of its that was slow to end
            psutil.wait_procs(begun, timeout=10)


@contextmanager
def _folder() -> Iterator[str]:
    """A folder for a cluster's files. It is inside of one that is ours alone, since Ray opens its own to everybody.

    What clusters of killed processes left goes first: who has such a folder holds a lock on it.
    """
    for left in Path(_FOLDERS).glob(f"{_PREFIX}*"):
        with suppress(OSError), taken_over(left):
            shutil.rmtree(left)
    with (
        TemporaryDirectory(prefix=_PREFIX, dir=_FOLDERS, ignore_cleanup_errors=True) as private,
        held(Path(private)),
    ):
        yield f"{private}/r"


def _init(*args: Any, **settings: Any) -> None:
    """`ray.init`, which would take SIGTERM from whoever has a handler for it."""
    import ray

    before = signal.getsignal(signal.SIGTERM)
    ray.init(*args, **settings)
    if callable(before):
        signal.signal(signal.SIGTERM, before)


def _processes(folder: str) -> list[Any]:
    """Those of the cluster in `folder`: our children that were told of it, and theirs."""
    import psutil

    found = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if any(folder in word for word in process.cmdline()):
                found += [process, *process.children(recursive=True)]
    return found


@contextmanager
def _joined(address: str) -> Iterator[None]:
    import ray
    from ray.exceptions import AuthenticationError

    host, _, port = address.rpartition(":")
    try:
        if port.isdigit() and "://" not in host:
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray itself would try for minutes
        _init(address, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, AuthenticationError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"RAY_ADDRESS is '{address}', and no Ray cluster could be joined there ({reason}); "
            "mend it, or unset it to have a cluster of this machine"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _cpus() -> int:
    """Those that this process may use, where the system says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Ray logs what it mends by itself, such as a worker that died; what it cannot mend is raised."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
