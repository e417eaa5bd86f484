"""A python environment of its own for each peer that a bench measures against.

A peer pins its own libraries, and installing it beside Stillhouse could change what Stillhouse itself runs on.
So each peer lives outside the repository, in the user's cache, is made once, and is measured in a process of its own.
"""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from stillhouse.errors import ConfigError

__all__ = ["TRL_PINS", "peer_python"]

TRL_PINS = (
    "torch==2.13.0",
    "transformers==5.23.0",
    "trl==1.16.0",
    "accelerate==1.15.0",
    "datasets==5.2.0",
)

_VERSIONS = (
    "import importlib.metadata as m, json\n"
    "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
)


def peer_python(name: str, pins: Sequence[str], existing: Path | None = None) -> Path:
    """The python of the environment of peer `name`, which holds the `pins` (`package==version`).

    The environment is `bench/<name>` in Stillhouse's user cache. It is reused when its stamp names the same pins
    and the same python; otherwise it is removed and made anew. The stamp is written last, so one that was
    interrupted is never used. The first pin is installed alone, before the others: put torch there, since
    which build of it is wanted is a matter of pip's own configuration, and what follows must not replace it.

    `existing` is the python of an environment made by hand; nothing is installed, its versions are checked.
    Raises ConfigError if a pin is not met, or if pip fails (its own words are on stderr).
    """
    if existing is not None:
        _check(existing, pins)
        return existing
    folder = user_cache_path("stillhouse") / "bench" / name
    python = folder / "bin" / "python"
    stamp = folder / "stillhouse-peer.json"
    wanted = json.dumps({"pins": list(pins), "python": sys.version}, indent=1)
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return python
    if folder.exists():
        shutil.rmtree(folder)
    venv.create(folder, with_pip=True)
    for packages in (pins[:1], pins):
        if subprocess.run([python, "-m", "pip", "install", *packages], stdout=sys.stderr).returncode:
            raise ConfigError(
                f"pip could not install {' '.join(packages)} into {folder}; see its message above, "
                "or make an environment by hand and give its python"
            )
    _check(python, pins)
    stamp.write_text(wanted, "utf-8")
    return python


def _check(python: Path, pins: Sequence[str]) -> None:
    """Raise ConfigError unless every pin is what `python` would import; a local build tag (`+cpu`) does not count."""
    if not python.is_file():
        raise ConfigError(f"{python} is no python; give the python of an environment with {' '.join(pins)}")
    output = subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True, text=True).stdout
    versions: dict[str, str] = json.loads(output)
    for pin in pins:
        package, _, version = pin.partition("==")
        found = versions.get(package.partition("[")[0].lower(), "none").partition("+")[0]
        if found != version:
            raise ConfigError(f"{python} has {package} {found}, the peer needs {pin}; install that version there")
