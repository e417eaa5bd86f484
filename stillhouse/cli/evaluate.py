"""`stillhouse distill evaluate`: measure a student."""

from pathlib import Path
from typing import Annotated

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result

__all__ = ["evaluate"]


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
    with one_line_errors():
        from stillhouse.distill.measure import measure
        from stillhouse.records import check_place, write_json

        if out is not None:
            check_place(out, make_parents=False)
        console = console_for(quiet)
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
        print_result(found, as_json, "\n".join(lines))
