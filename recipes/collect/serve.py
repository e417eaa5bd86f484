"""The bundled model behind an OpenAI-style API: `python -m recipes.collect.serve` prints its address and serves.

llama.cpp does the work (package `xllamacpp`). It ends when its standard input is closed.
"""

import importlib.util
import sys
from pathlib import Path

import xllamacpp

from stillhouse.models.bundled import BUNDLED


def main(slots: int = 4, threads: int = 1) -> None:
    spec = importlib.util.find_spec(BUNDLED.package)
    assert spec is not None and spec.origin is not None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(Path(spec.origin).with_name(BUNDLED.file))
    parameters.model_alias = {"smollm2"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_parallel = slots
    parameters.n_ctx = slots * 512
    parameters.cpuparams.n_threads = threads
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
