"""`stillhouse quickstart` and `stillhouse distill run`: train a student."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result
from stillhouse.config import load

__all__ = ["quickstart", "run"]


def quickstart(
    out: Annotated[Path, typer.Option("--out", help="Run folder to make.")] = Path("runs/quickstart"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="Training time; measuring comes on top.")] = 5.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cut a student out of the bundled teacher, let the teacher grade its answers, show what it learned."""
    with one_line_errors(resumable=True):
        from stillhouse.distill.quickstart import quickstart_settings

        _distill(quickstart_settings(minutes), out, resume, quiet, as_json)


def run(
    config: Annotated[Path, typer.Argument(help="YAML file; every key is in docs/distill.md.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder to make; default runs/<config's name>.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a student on answers that its teacher grades."""
    with one_line_errors(resumable=True):
        from stillhouse.distill.config import DistillSettings

        settings = load(DistillSettings, config, overrides or [])
        _distill(settings, out or Path("runs") / config.stem, resume, quiet, as_json)


def _distill(settings: Any, out: Path, resume: bool, quiet: bool, as_json: bool) -> None:
    from stillhouse.distill.distributed import started
    from stillhouse.distill.hardware import keep_freed_memory
    from stillhouse.distill.quickstart import comparison
    from stillhouse.distill.run import distill

    keep_freed_memory()
    console = console_for(quiet)
    command = ["stillhouse", *sys.argv[1:]]
    with started(os.environ) as processes:
        outcome = distill(settings, out, resume=resume, console=console, command=command, processes=processes)
    if not processes.first:
        return
    result = {
        "run": str(outcome.folder),
        "student": str(outcome.folder / "student"),
        "report": str(outcome.folder / "report.html"),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "evaluation": outcome.evaluation,
    }
    if as_json:
        print_result(result, True, "")
        return
    printed = Console()
    printed.print(comparison(outcome.evaluation))
    printed.print(f"student  {result['student']}\nreport   {result['report']}", highlight=False, soft_wrap=True)
