"""What a reference says of itself, in its small file."""

import json
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError

__all__ = ["ABOUT", "ARRAYS", "KEY", "VERSION", "about_reference"]

VERSION = "stillhouse.reference/3"
ABOUT, ARRAYS, KEY = "reference.json", "reference.npz", "reference.key"


def about_reference(folder: Path) -> dict[str, Any]:
    """What `reference.json` says. RecordError where the folder is no reference of this version."""
    for name in (ABOUT, ARRAYS, KEY):
        if not (folder / name).is_file():
            raise RecordError(
                f"{folder}: no reference there ({name} is missing); make one with `stillhouse guard reference`"
            )
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{folder}: cannot be read as a reference ({error}); make it anew") from None
    if not isinstance(about, dict) or about.get("v") != VERSION:
        found = about.get("v") if isinstance(about, dict) else None
        raise RecordError(
            f"{folder / ABOUT}: version (`v`) is {found!r}; this reader knows {VERSION}, so make the reference anew "
            "with `stillhouse guard reference`"
        )
    return about
