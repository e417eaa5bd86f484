"""Reads a whole reference and keeps none of it: in a process of its own, so that a gateway needs no NumPy and SciPy.

`python -m stillhouse.guard.reference.check FOLDER`: exit 2 with the fault on standard error.
"""

import subprocess
import sys
from pathlib import Path

from stillhouse.errors import RecordError

__all__ = ["check_reference"]


def check_reference(folder: Path) -> None:
    """RecordError where `folder` is no reference of this version, or was damaged or changed."""
    done = subprocess.run([sys.executable, "-m", __name__, folder.absolute()], stderr=subprocess.PIPE, text=True)
    if done.returncode == 2:
        raise RecordError(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(done.stderr)


def _main(folder: str) -> int:
    from stillhouse.guard.reference.reference import load

    try:
        load(Path(folder))
    except RecordError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
