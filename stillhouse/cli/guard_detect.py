"""`stillhouse guard reference`, `replay` and `explain`: learn what is honest, find what is not, say why."""

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stillhouse.cli.common import (
    Json,
    Quiet,
    QuietAnyway,
    console_for,
    interrupted_by_sigterm,
    one_line_errors,
    print_result,
    warn,
)
from stillhouse.cli.guard_options import option
from stillhouse.errors import ConfigError

__all__ = ["explain", "reference", "replay"]

Engine = Literal["local", "ray"]
Logs = Annotated[
    list[Path],
    typer.Argument(metavar="LOG...", help="Logs: .jsonl, .jsonl.zst, .parquet, or folders of them."),
]
Strict = Annotated[bool, typer.Option("--strict", help="End at the first faulty line, instead of setting it aside.")]
GuardConfig = Annotated[
    Path | None,
    typer.Option("--config", help="guard.yaml, or a file with its section `detect` alone; none is the defaults."),
]


def reference(
    logs: Logs,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    without: Annotated[
        Path | None, typer.Option("--without", help="File of names of accounts, one a line, that are left out.")
    ] = None,
    config: GuardConfig = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn what honest traffic looks like. The folder holds a secret key: who has it can aim at the detector."""
    with one_line_errors(), interrupted_by_sigterm():
        from stillhouse.guard.replay.learning import learn_reference
        from stillhouse.guard.replay.notices import notices

        with console_for(quiet).status("reading") as status:
            made = learn_reference(
                logs,
                out,
                _detect(config),
                secrets.token_bytes(32),
                strict=strict,
                without=[] if without is None else _names(without),
                progress=status.update,
            )
        warn(notices(made, out), quiet)
        print_result(made, as_json, _reference_text(made, out))


def replay(
    logs: Logs,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    reference: Annotated[
        Path | None,
        option("--reference", "Folder made by `stillhouse guard reference`; none is `detect.reference` of --config."),
    ] = None,
    engine: Annotated[Engine, option("--engine", "Who makes rows of exchanges: this process, or Ray.")] = "local",
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes of the Ray cluster that is started; none is one a CPU."),
    ] = None,
    config: GuardConfig = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """What would have been decided about the accounts of a log, in the order in which it would have been."""
    with one_line_errors(), interrupted_by_sigterm():
        from stillhouse.guard.reference.reference import load as load_reference
        from stillhouse.guard.replay.notices import notices
        from stillhouse.guard.replay.run import replay

        settings = _with_reference(_detect(config), reference)
        learnt = load_reference(settings.reference)
        with console_for(quiet).status("reading") as status:
            summary = replay(
                logs, learnt, out, settings, strict=strict, progress=status.update, engine=_engine(engine, workers)
            )
        warn(notices(summary, out), quiet)
        print_result(summary, as_json, _replay_text(summary, out))


def explain(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder made by `stillhouse guard replay`.")],
    campaign: Annotated[str | None, typer.Option("--campaign", help="Which campaign, as in campaigns.jsonl.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Which account, as in accounts.jsonl.")] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """All evidence against one campaign or account and how it adds up, the decisions, and what links accounts."""
    with one_line_errors():
        from stillhouse.guard.replay.explain import explain, explained
        from stillhouse.guard.replay.explain_account import explain_account, explained_account

        if campaign is not None and account is None:
            found = explain(folder, campaign)
            print_result(found, as_json, explained(found))
        elif account is not None and campaign is None:
            found = explain_account(folder, account)
            print_result(found, as_json, explained_account(found))
        else:
            raise ConfigError("explain: give either --campaign or --account")


def _names(file: Path) -> list[str]:
    try:
        names = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--without {file}: cannot be read ({error}); give names of accounts, one a line") from None
    if "" in names:
        raise ConfigError(
            f"--without {file}:{names.index('') + 1}: is a blank line; give names of accounts, one a line"
        )
    return names


def _engine(name: Engine, workers: int | None) -> Any:
    if name == "local":
        from stillhouse.guard.replay.engine import local_engine

        if workers is not None:
            raise ConfigError(f"--workers {workers} is for --engine ray, and the engine is local; leave it out")
        return local_engine
    from stillhouse.guard.replay.engine_ray import ray_engine

    return ray_engine(workers, os.environ.get("RAY_ADDRESS"))


def _detect(config: Path | None) -> Any:
    if config is None:
        from stillhouse.guard.detect.settings import DetectSettings

        return DetectSettings()
    from stillhouse.guard.replay.settings import load_detect

    return load_detect(config)


def _with_reference(settings: Any, reference: Path | None) -> Any:
    """The settings with the reference that was named, if one was."""
    if reference is None and settings.reference is None:
        raise ConfigError("no reference is named; give --reference, or --config with `detect.reference`")
    return settings if reference is None else settings.model_copy(update={"reference": reference})


_SUSPICIOUS = (
    "{:,} groups look like queues of work, not like people: `suspicious` in {} names their accounts; if they are not "
    "honest, learn again with --without"
)


_DRIFT = (
    "drift: {:,} of {:,} accounts that were left alone are as odd as {:.1%} of the reference's (p = {:.0e}): a "
    "campaign was not found, or people have changed; look at `drift` in {}, and learn a new reference if they are "
    "honest"
)


def _reference_text(made: dict[str, Any], out: Path) -> str:
    return "\n".join(
        [
            f"{made['exchanges']:,} exchanges of {made['accounts']:,} accounts over {made['days']:.1f} days, "
            f"{made['rejected']:,} lines set aside, {made['duplicates']:,} duplicates, {made['late']:,} late",
            *_absent_text(made),
            f"{made['groups']:,} honest groups; an account's smallest p is {made['smallest_p']:.1e}",
            *([_SUSPICIOUS.format(made["suspicious"], out / "reference.json")] if made["suspicious"] else []),
            f"reference {out}",
        ]
    )


def _replay_text(summary: dict[str, Any], out: Path) -> str:
    waiting = f" ({summary['pending']:,} wait for a reviewer)" if summary["pending"] else ""
    told = {action: f"{action} {count:,}" for action, count in summary["actions"].items()}
    actions = ", ".join(text + waiting * (action == "suspend") for action, text in told.items()) or "none"
    workers, start = summary["workers"], summary["start_seconds"]
    ready = f" (and {start:.0f} s until {workers} Ray workers were there)" if summary["engine"] == "ray" else ""
    lines = [
        f"{summary['exchanges']:,} exchanges of {summary['accounts']:,} accounts in {summary['seconds']:.0f} s{ready}, "
        f"{summary['rejected']:,} lines set aside, {summary['duplicates']:,} duplicates, {summary['late']:,} late",
        *_absent_text(summary),
        f"{summary['campaigns']:,} campaigns; accounts by their strongest action: {actions}",
        f"decisions {out / 'decisions.jsonl'}",
    ]
    drift = summary["drift"]
    if drift["alarm"]:
        lines.append(_DRIFT.format(drift["low"], drift["accounts"], drift["level"], drift["p"], out / "summary.json"))
    return "\n".join(lines)


def _absent_text(told: dict[str, Any]) -> list[str]:
    return [f"the log has no {', '.join(told['absent'])}: what needs them tells nothing"] if told["absent"] else []
