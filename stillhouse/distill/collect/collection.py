"""A whole collection, from settings to a prompt file with given answers and its manifest.

The order: read and check everything; claim the folder; ask what is not answered yet; sort out all answers; write down
what happened. The answers are the only state, and what is made from them is made anew at every stop. So a run that was
killed at any moment, any number of times, ends with the files of one that was not, given the same answers.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from stillhouse.config import dump, load
from stillhouse.distill.collect.ask import ask
from stillhouse.distill.collect.items import Answers, Item, items_of
from stillhouse.distill.collect.manifest import build_manifest, count_outcomes, rfc3339
from stillhouse.distill.collect.progress import CollectProgress
from stillhouse.distill.collect.resume import check_same_prompts, kept_manifest, may_change
from stillhouse.distill.collect.selection import Selection, select
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.distill.collect.sources import read_prompts_of
from stillhouse.distill.same_settings import check_same_settings
from stillhouse.errors import BudgetError, EndpointError
from stillhouse.models.error_table import error_table, failed_tries
from stillhouse.models.http import HttpModel
from stillhouse.models.spending import spending
from stillhouse.records import ExchangeLog, claim, commit, digest_file, versions, write_atomic, write_json
from stillhouse.records.files import encode_line
from stillhouse.types import Exchange

__all__ = ["collect"]


def collect(
    settings: CollectSettings,
    out: Path,
    *,
    resume: bool,
    console: Console,
    command: Sequence[str],
    environ: Mapping[str, str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Any]:
    """Run `settings` in the folder `out` and return its manifest.

    Faults of settings, prompts and keys are found before the folder is made and leave none behind. A spent budget
    (BudgetError), an endpoint of which nothing can be asked (EndpointError) and Ctrl-C stop the run with all files made
    from the answers so far, and `resume` goes on. So it does after a kill. It also asks again what failed.
    """
    with claim(out, "collect", resume) as folder:
        if folder.resumed:
            check_same_settings(out, load(CollectSettings, out / "resolved.yaml"), settings, may_change)
        elif resume:
            console.print(f"[yellow]{escape(str(out))}: no run to go on with, so one starts from the beginning")
        prompts, records = read_prompts_of(settings)
        if folder.resumed:
            check_same_prompts(out, records)
        items = items_of(prompts, settings.answers, settings.system, settings.seed)
        run = _Run(settings, out, items, records, console, command, now)
        model = HttpModel(
            settings.teacher.model,
            settings.teacher.endpoint,
            account=f"collect/{out.name}",
            cache=settings.teacher.endpoint.cache or out / "cache",
            log=run.log,
            environ=environ,
        )
        folder.begin(dump(settings), {"manifest.json": run.manifest({}, Selection(), {}, rfc3339(now()))})
        if folder.resumed:
            # Some keys may change: what is kept is what this part of the run was told.
            write_atomic(out / "resolved.yaml", dump(settings))
        return run.to_the_end(model)


class _Run:
    """One run's folder, items and records."""

    def __init__(
        self,
        settings: CollectSettings,
        out: Path,
        items: Sequence[Item],
        records: Sequence[Mapping[str, Any]],
        console: Console,
        command: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        self.settings, self.out, self.items, self.records = settings, out, items, records
        self.console, self.command, self.now = console, command, now
        self.known = {item.id for item in items}
        self.answers = Answers(out / "answers.jsonl")
        self.log = out / "calls.jsonl"

    def to_the_end(self, model: HttpModel) -> dict[str, Any]:
        """Ask what is left to ask, and write the files; those are written as well where asking stops early."""
        self.answers.forget_failures(self.known)
        done = self.answers.read(self.known)
        left = [item for item in self.items if item.id not in done]
        try:
            if left:
                self._ask(model, left)
        except (BudgetError, EndpointError) as error:
            counts = self._write()["counts"]
            raise type(error)(
                f"{error}; {counts['answered']:,} of {counts['items']:,} answers are there, and --resume goes on"
            ) from error
        except KeyboardInterrupt:
            self._write()
            raise
        return self._write()

    def manifest(
        self,
        answers: Mapping[str, Mapping[str, Any]],
        selection: Selection,
        digests: Mapping[str, str],
        started: str,
        finished: str | None = None,
    ) -> dict[str, Any]:
        return build_manifest(
            settings=self.settings,
            prompts=self.records,
            counts=count_outcomes(len(self.items), answers, selection),
            spent=spending(self._calls()),
            failed_tries=failed_tries(self._calls()),
            digests=digests,
            versions=versions(),
            commit=commit(),
            command=self.command,
            started=started,
            finished=finished,
        )

    def _calls(self) -> Iterable[Exchange]:
        return ExchangeLog(self.log) if self.log.exists() else ()

    def _ask(self, model: HttpModel, left: Sequence[Item]) -> None:
        before = spending(self._calls())
        with CollectProgress(self.console, len(self.items), len(self.items) - len(left)) as progress:

            def on_record(failed: bool) -> None:
                used = model.usage
                tokens = before.tokens + used.input_tokens + used.output_tokens
                progress.item(failed=failed, tokens=tokens, usd=before.usd + used.usd)

            asyncio.run(ask(model, left, self.answers, self.settings, on_record, progress.interrupted))

    def _write(self) -> dict[str, Any]:
        """Make the files from all answers so far; a run that has nothing left to ask keeps when it first had not."""
        answers = self.answers.read(self.known)
        selection = select(self.items, answers, self.settings)
        files = {"messages.jsonl": selection.messages, "dropped.jsonl": selection.dropped}
        for name, rows in files.items():
            write_atomic(self.out / name, b"".join(encode_line(row) for row in rows))
        then = kept_manifest(self.out)
        finished = None if len(answers) < len(self.items) else then["finished"] or rfc3339(self.now())
        digests = {name: digest_file(self.out / name) for name in files}
        manifest = self.manifest(answers, selection, digests, then["started"], finished)
        write_json(self.out / "manifest.json", manifest)
        calls = manifest["calls"]
        if calls["failed_tries"]:
            self.console.print(error_table(self.settings.teacher.model, calls["failed_tries"], calls["answered"]))
        return manifest
