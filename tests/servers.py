"""Real servers of real weights on loopback, each in a process of its own with one thread: for tests, benches, recipes.

    with llama_server(packaged_gguf()) as url: ...          # llama.cpp: chat, completions, responses, messages
    with transformers_server(bundled_model()) as url: ...   # transformers serve: chat, completions, responses

`url` is the base URL with its `/v1`. A server has ended when its `with` ends.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from stillhouse.models.bundled import BUNDLED

__all__ = ["llama_server", "packaged_gguf", "transformers_server"]

ROOT = Path(__file__).resolve().parents[1]


def packaged_gguf() -> Path:
    """The bundled model as the file that its package carries."""
    spec = importlib.util.find_spec(BUNDLED.package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / BUNDLED.file


@contextmanager
def llama_server(
    file: Path,
    *,
    slots: int = 4,
    context: int = 8192,
    threads: int = 1,
    key: str = "",
    before: Sequence[str] = (),
) -> Iterator[str]:
    """llama.cpp with a GGUF file. `slots` answers are written at once and share `context` tokens.

    `key`, where given, must come with every request. `before` are words in front of its command, like `taskset -c 0`.
    """
    port = _free_port()
    options = [str(file), str(slots), str(context), str(threads), str(port), key]
    with _running([*before, sys.executable, "-m", "tests.servers", *options], {}, port):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def transformers_server(folder: Path) -> Iterator[str]:
    """`transformers serve` with a Hugging Face folder; the model's name there is the folder's path."""
    port = _free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--log-level", "error"]
    with _running(command, {"HF_HUB_OFFLINE": "1"}, port):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str], port: int) -> Iterator[None]:
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **environ}
    server = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(server, port)
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"{' '.join(map(str, server.args))} ended with {server.returncode}")  # type: ignore[arg-type]
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health", timeout=1.0).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} is not ready after {seconds:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve_llama(file: str, slots: str, context: str, threads: str, port: str, key: str) -> None:
    """What the process of `llama_server` does until it is ended."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = file
    params.n_parallel, params.n_ctx, params.port = int(slots), int(context), int(port)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    params.verbosity = -1
    if key:
        params.api_keys = [key]
    server = xllamacpp.Server(params)
    try:
        while True:
            time.sleep(3600)
    finally:
        del server


if __name__ == "__main__":
    _serve_llama(*sys.argv[1:])
