"""The command `stillhouse`: parse, call one public function, print.

Heavy libraries are imported inside the commands, so that help and mistakes in arguments answer at once.
Results go to standard output, everything else to standard error.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from stillhouse.config import load
from stillhouse.errors import StillhouseError

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Teach a small language model from a stronger one that grades the small model's own answers.",
)
distill_app = typer.Typer(rich_markup_mode=None, help="Train a student, cut one, measure one.")
app.add_typer(distill_app, name="distill")

Method = Literal["kl", "block_influence"]
# Some versions of typer bring their own copy of click: its base class is reached through what typer exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command(epilog="Example: stillhouse quickstart --minutes 5 --out runs/quickstart")
def quickstart(
    out: Annotated[Path, typer.Option("--out", help="Run folder to make.")] = Path("runs/quickstart"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="Training time; measuring comes on top.")] = 5.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cut a student out of the bundled teacher, let the teacher grade its answers, show what it learned."""
    with _one_line_errors(resumable=True):
        from stillhouse.distill.quickstart import quickstart_settings

        _distill(quickstart_settings(minutes), out, resume, quiet, as_json)


@distill_app.command(epilog="Example: stillhouse distill run config.yaml optimizer.lr=1e-4 --out runs/a")
def run(
    config: Annotated[Path, typer.Argument(help="YAML file; every key is in docs/distill.md.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder to make; default runs/<config's name>.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a student on answers that its teacher grades."""
    with _one_line_errors(resumable=True):
        from stillhouse.distill.config import DistillSettings

        settings = load(DistillSettings, config, overrides or [])
        _distill(settings, out or Path("runs") / config.stem, resume, quiet, as_json)


@distill_app.command(epilog="Example: stillhouse distill student --from bundled --layers 14 --out students/14")
def student(
    source: Annotated[str, typer.Option("--from", help="`bundled`, a folder, a .gguf file, or a hub name.")],
    layers: Annotated[int, typer.Option("--layers", min=1, help="Decoder layers to keep.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    method: Annotated[Method, typer.Option("--method", help="How layers are ranked.")] = "kl",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cut a student out of a model: keep the layers that matter most, by measurement."""
    with _one_line_errors():
        from stillhouse.distill.cut import cut_student

        console = _console(quiet)
        with console.status(f"cutting {layers} layers out of {source}"):
            report = cut_student(source, layers, out, method=method)
        result = {"student": str(out), **asdict(report)}
        _result(
            result, as_json, f"{out}: {layers} of {report.source_layers} layers of {source}, kept {list(report.kept)}"
        )


@distill_app.command(epilog="Example: stillhouse distill evaluate runs/quickstart/student --teacher bundled")
def evaluate(
    model: Annotated[str, typer.Argument(help="The student: a folder or a hub name.")],
    teacher: Annotated[str, typer.Option("--teacher", help="`bundled`, a folder, or a hub name.")],
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="Prompt file. Default: what its run held out for a run's student/, else the shipped instructions.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=2, help="How many prompts.")] = 64,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Cap of one answer.")] = 64,
    max_prompt_tokens: Annotated[int, typer.Option("--max-prompt-tokens", min=1, help="Cap of one prompt.")] = 512,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Also exact match on this reasoning-gym task.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the measures to this JSON file.")] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=10**9 - 1, help="Of sampled answers and of the bootstrap.")
    ] = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure how close a student is to its teacher, and say on which prompts (JSON: `prompts`)."""
    with _one_line_errors():
        from stillhouse.distill.measure import measure
        from stillhouse.records import check_place, write_json

        if out is not None:
            check_place(out, make_parents=False)
        console = _console(quiet)
        with console.status("measuring") as status:
            found = measure(
                model,
                teacher,
                prompts=prompts,
                limit=limit,
                max_prompt_tokens=max_prompt_tokens,
                max_new_tokens=max_new_tokens,
                tasks=task or [],
                seed=seed,
                progress=status.update,
            )
        if out is not None:
            write_json(out, found)
        used = found["prompts"]
        trust = "held out from training" if used["held_out"] else "the student may have been trained on some of them"
        lines = [f"{used['count']} prompts of {used['source']}: {trust}"]
        lines += [
            f"{name:32} {m['value']:.4f} [{m['low']:.4f}, {m['high']:.4f}]" for name, m in found["student"].items()
        ]
        _result(found, as_json, "\n".join(lines))


def _distill(settings: Any, out: Path, resume: bool, quiet: bool, as_json: bool) -> None:
    from stillhouse.distill.hardware import keep_freed_memory
    from stillhouse.distill.quickstart import comparison
    from stillhouse.distill.run import distill

    keep_freed_memory()
    console = _console(quiet)
    outcome = distill(settings, out, resume=resume, console=console, command=["stillhouse", *sys.argv[1:]])
    result = {
        "run": str(outcome.folder),
        "student": str(outcome.folder / "student"),
        "report": str(outcome.folder / "report.html"),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "evaluation": outcome.evaluation,
    }
    if as_json:
        _result(result, True, "")
        return
    printed = Console()
    printed.print(comparison(outcome.evaluation))
    printed.print(f"student  {result['student']}\nreport   {result['report']}", highlight=False, soft_wrap=True)


def _console(quiet: bool) -> Console:
    return Console(stderr=True, quiet=quiet)


def _result(value: Any, as_json: bool, text: str) -> None:
    sys.stdout.write((json.dumps(value, indent=2, ensure_ascii=False) if as_json else text) + "\n")


@contextmanager
def _one_line_errors(resumable: bool = False) -> Iterator[None]:
    """The user's faults as one line and exit 2; Ctrl-C as exit 130; anything else keeps its traceback."""
    try:
        yield
    except StillhouseError as error:
        sys.stderr.write(f"stillhouse: {error}\n")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        remedy = "the same command with --resume goes on from here" if resumable else "nothing was kept"
        sys.stderr.write(f"stillhouse: interrupted; {remedy}\n")
        raise typer.Exit(130) from None


def main() -> None:
    """Entry point."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        code = app(prog_name="stillhouse", standalone_mode=False)
    except _UsageError as error:
        fault: Any = error
        where = fault.ctx.command_path if fault.ctx is not None else "stillhouse"
        message = " ".join(fault.format_message().split()).rstrip(".")
        sys.stderr.write(f"stillhouse: {message}; see {where} --help\n")
        sys.exit(2)
    sys.exit(code)
