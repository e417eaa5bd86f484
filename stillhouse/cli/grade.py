"""`stillhouse distill grade`: grade the answers of a run that are already there."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result

__all__ = ["grade"]


def grade(
    run: Annotated[Path, typer.Argument(help="Folder of a `stillhouse distill run`.")],
    grader: Annotated[
        str,
        typer.Option(
            "--with",
            help="YAML file that names a grader (docs/judging.md), or `judge` or `teacher`: those of the run.",
        ),
    ],
    phases: Annotated[
        int | None, typer.Option("--phases", min=1, help="Grade only the first this many phases.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Add grades to a run's answers, by judgement or by probability, and compare them with those that are there."""
    with one_line_errors():
        from stillhouse.distill.grade_settings import settings_with

        settings = settings_with(run, grader)
        from stillhouse.distill.grade import grade_run

        console = console_for(quiet)
        with console.status("grading") as status:
            found = grade_run(run, settings, phases=phases, progress=status.update)
        if as_json:
            print_result(found, True, "")
            return
        Console().print(_table(found))


def _table(found: dict[str, Any]) -> Table:
    """What was graded and how it agrees with other graders."""
    table = Table(
        title=f"{found['name']}: {found['answers']} answers to {found['groups']} prompts", title_justify="left"
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_row("mean score", "-" if found["mean"] is None else f"{found['mean']:.3f}", "")
    table.add_row("answers without a score", str(found["missing"]), "")
    for other, interval in found["agreement"].items():
        name = f"rank correlation with {other}"
        if interval["value"] is None:
            table.add_row(name, "-", interval["why"])
        else:
            table.add_row(name, f"{interval['value']:.3f}", f"{interval['low']:.3f} to {interval['high']:.3f}")
    for row in found["reliability"]:
        if row.get("value") is not None:
            table.add_row(row["name"], f"{row['value']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}")
        elif "p_value" in row:
            table.add_row(row["name"], " ".join(f"{m:.2f}" for m in row["means"]), f"p = {row['p_value']:.3g}")
        else:
            table.add_row(row["name"], "-", row["why"])
    return table
