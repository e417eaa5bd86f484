"""The command `stillhouse`: parse, call one public function, print; one file a command.

Heavy libraries are imported inside the commands, so that help and mistakes in arguments answer at once.
Results go to standard output, everything else to standard error.
"""

import os
import sys
from typing import Annotated, Any

import typer

from stillhouse import __version__
from stillhouse.cli.collect import collect
from stillhouse.cli.evaluate import evaluate
from stillhouse.cli.export import export
from stillhouse.cli.grade import grade
from stillhouse.cli.guard import guard_app
from stillhouse.cli.merge import merge
from stillhouse.cli.range import traffic
from stillhouse.cli.run import quickstart, run
from stillhouse.cli.sign import sign, verify
from stillhouse.cli.student import student

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Teach a small language model from a stronger one, and guard the models that you serve.",
)
distill_app = typer.Typer(
    rich_markup_mode=None, help="Train a student, grade its answers, collect a teacher's, measure, hand on."
)
app.add_typer(distill_app, name="distill")
app.add_typer(guard_app, name="guard")
range_app = typer.Typer(rich_markup_mode=None, help="Compose what a guard meets, with the truth beside it.")
app.add_typer(range_app, name="range")

# Some versions of typer bring their own copy of click: its base class is reached through what typer exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app.command(epilog="Example: stillhouse quickstart --minutes 5 --out runs/quickstart")(quickstart)
distill_app.command(epilog="Example: stillhouse distill run config.yaml optimizer.lr=1e-4 --out runs/a")(run)
distill_app.command(epilog="Example: stillhouse distill collect config.yaml answers=4 --out runs/answers")(collect)
distill_app.command(epilog="Example: stillhouse distill student --from bundled --layers 14 --out students/14")(student)
distill_app.command(epilog="Example: stillhouse distill evaluate runs/quickstart/student --teacher bundled")(evaluate)
distill_app.command(epilog="Example: stillhouse distill grade runs/a --with judge.yaml")(grade)
distill_app.command(epilog="Example: stillhouse distill merge runs/a/adapter --base bundled --out merged")(merge)
distill_app.command(epilog="Example: stillhouse distill export runs/a/student --gguf student.gguf")(export)
distill_app.command(epilog="Example: stillhouse distill sign runs/a/student --key key.pem")(sign)
distill_app.command(epilog="Example: stillhouse distill verify student --key public.pem")(verify)
range_app.command(epilog="Example: stillhouse range traffic scenario.yaml days=3 --out traffic")(traffic)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"stillhouse {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What comes before a command."""


def main() -> None:
    """Entry point."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Of processes that were interrupted together one ends first, of which torch warns the others with a stack.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        code = app(prog_name="stillhouse", standalone_mode=False)
    except _UsageError as error:
        fault: Any = error
        where = fault.ctx.command_path if fault.ctx is not None else "stillhouse"
        message = " ".join(fault.format_message().split()).rstrip(".")
        sys.stderr.write(f"stillhouse: {message}; see {where} --help\n")
        sys.exit(2)
    sys.exit(code)
