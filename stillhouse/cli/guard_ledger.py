"""`stillhouse guard ledger ...`: check the record of decisions, prove one entry of it, look at it.

A SQLite file may have its public key (`<file>.pub`) and its newest checkpoint (`<file>.checkpoint`) beside it. They are
used where nothing else is given, and the output says that they prove no more than the folder that all three lie in.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, QuietAnyway, console_for, one_line_errors, print_result
from stillhouse.errors import ConfigError, RecordError
from stillhouse.printable import printable

if TYPE_CHECKING:
    from stillhouse.guard.ledger.entry import Entry
    from stillhouse.guard.ledger.report import Report

__all__ = ["check_proof", "prove", "show", "verify"]

Database = Annotated[str, typer.Argument(metavar="PATH", help="The guard's SQLite file, or its database URL.")]
_BESIDE = "lies beside the database: whoever can change the one can change the other; keep a copy elsewhere and give it"


def verify(
    path: Database,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="The ledger's public key; default PATH.pub.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A checkpoint that was kept; default PATH.checkpoint.", show_default=False),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check that no entry was changed, added, taken out or put elsewhere; exit 1 and a line for each that was.

    Without a public key that was kept elsewhere, a ledger that somebody wrote anew as a whole passes; without a
    checkpoint that was kept elsewhere, an older state that was put back as a whole passes.
    """
    with one_line_errors():
        from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
        from stillhouse.guard.ledger.signing_key import load_public_key
        from stillhouse.guard.ledger.verify import verify

        beside = []
        if public_key is None and (public_key := _beside(path, ".pub")):
            beside.append(f"{public_key} {_BESIDE} with --public-key")
        if checkpoint is None and (checkpoint := _beside(path, ".checkpoint")):
            beside.append(f"{checkpoint} {_BESIDE} with --checkpoint")
        with console_for(quiet).status("reading entries") as status:
            report = verify(
                path,
                public_key=None if public_key is None else load_public_key(public_key),
                checkpoint=None if checkpoint is None else read_checkpoint(checkpoint),
                on_entry=lambda at: status.update(f"entry {at:,}") if at % 1000 == 0 else None,
            )
        limits = beside + report.limits
        print_result(
            {"ledger": _shown(path), **report.to_record(), "limits": limits}, as_json, _text(path, report, limits)
        )
        if not report.holds:
            raise typer.Exit(1)


def prove(
    path: Database,
    sequence: Annotated[int, typer.Argument(min=0, help="Which entry, counted from 0.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="Prove it under this checkpoint instead of the newest.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default standard output.", show_default=False)
    ] = None,
    quiet: QuietAnyway = False,
) -> None:
    """Write a proof that one entry stands in the ledger, for somebody who has the public key and not the ledger."""
    with one_line_errors():
        from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
        from stillhouse.guard.ledger.proof import prove
        from stillhouse.records import write_json

        proof = prove(path, sequence, checkpoint=None if checkpoint is None else read_checkpoint(checkpoint))
        if out is None:
            print_result(proof, True, "")
        else:
            write_json(out, proof)


def check_proof(
    proof: Annotated[Path, typer.Argument(help="What `prove` wrote.")],
    public_key: Annotated[Path, typer.Option("--public-key", help="The ledger's public key.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A checkpoint that you kept and the proof was made for.", show_default=False),
    ] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Check a proof without the ledger, and print its entry; exit 1 and the reason where it does not hold.

    It shows that the holder of the key signed a ledger with this entry in it; with a checkpoint of yours, that it is
    the same ledger as the one that you saw.
    """
    with one_line_errors():
        from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
        from stillhouse.guard.ledger.proof import entry_of_proof, verify_proof
        from stillhouse.guard.ledger.signing_key import load_public_key

        record = _read_json(proof)
        kept = None if checkpoint is None else read_checkpoint(checkpoint)
        faults = verify_proof(record, load_public_key(public_key), checkpoint=kept)
        entry = None if faults else entry_of_proof(record)
        text = (
            "\n".join(printable(f"{proof}: {fault}") for fault in faults)
            if entry is None
            else f"{_line(entry)}\nthe proof holds"
        )
        shown = None if entry is None else entry.to_record()
        print_result({"proof": str(proof), "holds": not faults, "faults": faults, "entry": shown}, as_json, text)
        if faults:
            raise typer.Exit(1)


def show(
    path: Database,
    kind: Annotated[str | None, typer.Option("--kind", help="Only entries of this kind.", show_default=False)] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only entries about this.", show_default=False)
    ] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Only the last few.", show_default=False)] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Print entries, oldest first: sequence, time, kind, actor, subject, details. Unchecked: that is for `verify`."""
    with one_line_errors():
        from stillhouse.guard.ledger.entry import KINDS
        from stillhouse.guard.ledger.listing import list_entries

        found = list_entries(path, kind=kind, subject=subject, last=last)
        if kind is not None and kind not in KINDS and not found:
            raise ConfigError(f"--kind: '{kind}' is no kind of entry; give one of {', '.join(KINDS)}")
        print_result([entry.to_record() for entry in found], as_json, "\n".join(map(_line, found)) or "no such entry")


def _beside(path: str, ending: str) -> Path | None:
    """The file of that ending beside a SQLite file, if there is one."""
    found = Path(f"{path}{ending}")
    return found if "://" not in path and found.is_file() else None


def _text(path: str, report: "Report", limits: list[str]) -> str:
    lines = [printable(str(fault)) for fault in report.faults]
    if report.fault_count > len(report.faults):
        lines.append(f"and {report.fault_count - len(report.faults):,} more")
    verdict = (
        "holds" if report.holds else f"does NOT hold, {report.fault_count:,} fault{'s' * (report.fault_count != 1)}"
    )
    lines.append(f"{_shown(path)}: {report.entries:,} entries, {report.checkpoints:,} checkpoints: {verdict}")
    lines.append(f"root  {report.root}")
    lines.append(f"key   {report.key or 'none named'}")
    return "\n".join([*lines, *(f"not shown: {limit}" for limit in limits)])


def _line(entry: "Entry") -> str:
    details = json.dumps(entry.details, ensure_ascii=False)
    return printable(f"{entry.sequence}  {entry.time}  {entry.kind}  {entry.actor}  {entry.subject}  {details}")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the file that `prove` wrote") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{path}: not JSON ({' '.join(str(error).split())}); give the file that `prove` wrote"
        ) from None


def _shown(path: str) -> str:
    """The place without the password that a URL may hold."""
    if "://" not in path:
        return path
    from sqlalchemy import make_url

    return make_url(path).render_as_string()
