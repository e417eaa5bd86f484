"""What every command shares: options, the console, results, and faults as one line."""

import json
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from stillhouse.errors import StillhouseError
from stillhouse.printable import printable

__all__ = [
    "Json",
    "Quiet",
    "QuietAnyway",
    "console_for",
    "interrupted_by_sigterm",
    "one_line_errors",
    "print_result",
    "warn",
]

_NOT_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")

Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but the result.")]
# Every command takes it, so that a script need not know which ones have more to say.
QuietAnyway = Annotated[bool, typer.Option("--quiet", help="Changes nothing here: only the result is said anyway.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def console_for(quiet: bool) -> Console:
    return Console(stderr=True, quiet=quiet)


def print_result(value: Any, as_json: bool, text: str) -> None:
    """Nothing in it can steer a terminal. Names of others are `printable` before they stand in a line of `text`."""
    sys.stdout.write((_json(value) if as_json else "\n".join(map(printable, text.split("\n")))) + "\n")


def warn(lines: Iterable[str], quiet: bool) -> None:
    """What has to be known beside a result."""
    for line in () if quiet else lines:
        sys.stderr.write(f"stillhouse: warning: {printable(line)}\n")


@contextmanager
def one_line_errors(resumable: bool = False) -> Iterator[None]:
    """The user's faults as one line and exit 2; Ctrl-C as exit 130; anything else keeps its traceback."""
    try:
        yield
    except StillhouseError as error:
        sys.stderr.write(f"stillhouse: {printable(str(error))}\n")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        remedy = "the same command with --resume goes on from here" if resumable else "nothing was kept"
        sys.stderr.write(f"stillhouse: interrupted; {remedy}\n")
        raise typer.Exit(130) from None


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM as Ctrl-C, so that nothing half done stays behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _json(value: Any) -> str:
    """Of its own, JSON escapes only what is below the space."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
