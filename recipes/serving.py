"""A GGUF model behind an OpenAI-style API on this machine, in a process of its own: what recipes ask.

    with served(file, name="judge", slots=4, context=8192, threads=2, port=8471) as url: ...

llama.cpp does the work (package `xllamacpp`). The server ends when its standard input is closed, also after a kill.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from stillhouse.models.bundled import BUNDLED

__all__ = ["bundled_gguf", "served"]


def bundled_gguf() -> Path:
    """The bundled model as the file that its package carries."""
    spec = find_spec(BUNDLED.package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name(BUNDLED.file)


@contextmanager
def served(file: Path, *, name: str, slots: int, context: int, threads: int, port: int = 0) -> Iterator[str]:
    """The base URL of `file`, served as `name`; `slots` answers at once share `context` tokens. Port 0: any free."""
    numbers = map(str, (slots, context, threads, port))
    command = [sys.executable, "-m", "recipes.serving", str(file), name, *numbers]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        assert process.stdin is not None and process.stdout is not None
        url = process.stdout.readline().decode().strip()
        if not url:
            raise RuntimeError(f"{file}: the server ended before it was ready")
        try:
            yield url
        finally:
            process.stdin.close()


def _serve(file: str, name: str, slots: str, context: str, threads: str, port: str) -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_parallel, parameters.n_ctx = int(slots), int(context)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = int(threads)
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
