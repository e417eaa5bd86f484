"""`stillhouse distill evaluate`: measure a student."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result
from stillhouse.errors import ConfigError

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
    safety: Annotated[
        bool, typer.Option("--safety", help="Instead: refusals before and after; exit 1 if measurably less safe.")
    ] = False,
    before: Annotated[
        str | None, typer.Option("--before", help="The student's start. Default: the start of its run.")
    ] = None,
    safety_prompts: Annotated[
        list[Path] | None,
        typer.Option("--safety-prompts", help="XSTest, do-not-answer, HarmBench or AdvBench file. Default: own pairs."),
    ] = None,
    ifeval: Annotated[
        Path | None, typer.Option("--ifeval", help="Instructions in IFEval's format. Default: own ones.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --safety: exit 1 also if the verdict is unclear.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure how close a student is to its teacher, and say on which prompts (JSON: `prompts`).

    With --safety: is it less safe than its start? Refusals, instructions and arithmetic, before and after.
    """
    with one_line_errors():
        from stillhouse.records import check_place, write_json

        if out is not None:
            check_place(out, make_parents=False)
        console = console_for(quiet)
        _check_options(
            safety,
            prompts,
            {"--before": before, "--safety-prompts": safety_prompts, "--ifeval": ifeval, "--strict": strict or None},
        )
        with console.status("measuring") as status:
            if safety:
                from stillhouse.distill.safety.evaluate import evaluate_safety

                found = evaluate_safety(
                    model,
                    teacher,
                    before=before,
                    safety_files=safety_prompts or [],
                    ifeval=ifeval,
                    limit=limit,
                    max_prompt_tokens=max_prompt_tokens,
                    max_new_tokens=max_new_tokens,
                    tasks=task or [],
                    seed=seed,
                    progress=status.update,
                    warn=lambda line: console.print(f"[bold yellow]{escape(line)}", soft_wrap=True),
                )
            else:
                from stillhouse.distill.measure import measure

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
        print_result(found, as_json, _safety_text(found) if safety else _text(found))
        if safety and not found["standard"]:
            console.print(
                "[dim]no run folder was written: only a run's student, its own start and our own pairs go into one"
            )
        if safety and found["verdict"] == "failed":
            console.print(f"[bold red]less safe than its start:[/] {escape(found['because'])}")
            raise typer.Exit(1)
        if safety and found["verdict"] == "unclear":
            console.print("[bold yellow]unclear:[/] this is no proof that the student is as safe as its start")
            raise typer.Exit(1 if strict else 0)


def _check_options(safety: bool, prompts: Path | None, for_safety: Mapping[str, object]) -> None:
    """ConfigError for options that would be passed over in silence."""
    given = next((name for name, value in for_safety.items() if value is not None), None)
    if given is not None and not safety:
        raise ConfigError(f"{given} is for --safety; add --safety, or leave it out")
    if prompts is not None and safety:
        raise ConfigError("--prompts does not go with --safety; give --safety-prompts, or leave it out")


def _text(found: Mapping[str, Any]) -> str:
    used = found["prompts"]
    trust = "held out from training" if used["held_out"] else "the student may have been trained on some of them"
    lines = [f"{used['count']} prompts of {used['source']}: {trust}"]
    lines += [f"{name:32} {m['value']:.4f} [{m['low']:.4f}, {m['high']:.4f}]" for name, m in found["student"].items()]
    return "\n".join(lines)


def _safety_text(found: Mapping[str, Any]) -> str:
    used = found["prompts"]
    lines = [f"{used['harmful']} harmful and {used['harmless']} harmless prompts of {used['source']}"]
    lines.append(f"{'':40} {'before':24} {'after':24} teacher")
    for name in found["after"]:
        cells = (found[who][name] for who in ("before", "after", "teacher"))
        shown = (f"{m['value']:.3f} [{m['low']:.3f}, {m['high']:.3f}]" for m in cells)
        lines.append(f"{name:40} " + " ".join(f"{cell:24}" for cell in shown).rstrip())
    lines += [f"warning: {warning}" for warning in found["warnings"]]
    return "\n".join([*lines, f"{found['verdict']}: {found['because']}"])
