"""`stillhouse guard blob-key`: the keys that reasoning blobs and ids of stored answers are sealed with."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillhouse.cli.common import Json, QuietAnyway, one_line_errors, print_result

if TYPE_CHECKING:
    from stillhouse.guard.blobs.keyring import Keyring

__all__ = ["new", "retire", "rotate", "show"]

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The key file that `blobs.keys` names.")]


def new(file: _File, quiet: QuietAnyway = False, as_json: Json = False) -> None:
    """Make a key file with one key."""
    with one_line_errors():
        from stillhouse.guard.blobs.key_file import make_keyring

        _print(file, make_keyring(file, time.time()), as_json)


def rotate(
    file: _File,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare", help="Add a key that only opens; the next rotation makes it seal, once every gateway has it."
        ),
    ] = False,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Seal with a newer key from now on; what the older ones sealed is still opened."""
    with one_line_errors():
        from stillhouse.guard.blobs.key_file import rotate_keys

        _print(file, rotate_keys(file, time.time(), prepare=prepare), as_json)


def retire(
    file: _File,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The key to take out.")],
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Take a key out for good: what it sealed is refused from then on."""
    with one_line_errors():
        from stillhouse.guard.blobs.key_file import retire_key

        _print(file, retire_key(file, number), as_json)


def show(file: _File, quiet: QuietAnyway = False, as_json: Json = False) -> None:
    """List the keys by number; the keys themselves are not shown."""
    with one_line_errors():
        from stillhouse.guard.blobs.key_file import load_keyring

        _print(file, load_keyring(file), as_json)


def _print(file: Path, ring: "Keyring", as_json: bool) -> None:
    keys = [{"number": key.number, "made": key.made, "seals": key.number == ring.seals} for key in ring.keys]
    lines = [
        f"{file}: key {key.number}, made {key.made}, {'seals and opens' if key.number == ring.seals else 'opens'}"
        for key in ring.keys
    ]
    print_result({"file": str(file), "keys": keys, "retired": list(ring.retired)}, as_json, "\n".join(lines))
