"""A whole distillation run, from settings to a student with its evidence.

The order: read and check everything; claim the folder; cut the student if need be; measure it; train; measure
again; write down what happened. Each part leaves its result in the run folder, so `--resume` does only what
is missing. A run that is finished stays as it is.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from transformers import PreTrainedModel

from stillhouse.config import dump, load
from stillhouse.distill.before_after import BeforeAfter
from stillhouse.distill.card import write_card
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.cut import cut
from stillhouse.distill.distributed import ALONE, Processes, check_shares
from stillhouse.distill.encode import EncodedPrompt, render
from stillhouse.distill.evaluate import Evaluator, hold_out
from stillhouse.distill.flops import flops_by_part, model_shape
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.inputs import check_same_inputs, measure_inputs
from stillhouse.distill.judging import run_judge, spent_on_calls
from stillhouse.distill.keys import check_keys
from stillhouse.distill.manifest import StudentRecord, build_manifest
from stillhouse.distill.network import Network
from stillhouse.distill.origins import check_origins, student_record, teacher_record
from stillhouse.distill.outcome import Outcome, finished_outcome
from stillhouse.distill.phase import Writers
from stillhouse.distill.plan import steps_for
from stillhouse.distill.progress import Metrics, Reporter, RunProgress, check_reporter, reporter
from stillhouse.distill.queries import add_queries, teacher_queries
from stillhouse.distill.remote import Servers
from stillhouse.distill.report import write_report
from stillhouse.distill.same_settings import check_same_settings, how_it_is_asked
from stillhouse.distill.setup import Data, Models, add_adapters, encode_all, load_data, load_models, translate
from stillhouse.distill.sharded import shard
from stillhouse.distill.train import Trainer
from stillhouse.models.gguf import without_progress_bars
from stillhouse.models.local import load_model, weights_digest
from stillhouse.records import RunFolder, claim, commit, versions, write_atomic, write_json

__all__ = ["distill"]


def distill(
    settings: DistillSettings,
    out: Path,
    *,
    resume: bool,
    console: Console,
    command: Sequence[str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.perf_counter,
    processes: Processes = ALONE,
) -> Outcome:
    """Run `settings` in the folder `out`; all `processes` call this, and all have to see that folder.

    Faults of settings, prompts, models and templates are found before the folder is made and leave none behind.
    What fails later (cutting, measuring, training, a full disk) leaves a folder that `resume` goes on with.
    Of a run that is finished, `resume` returns the outcome and loads and asks nothing.
    """
    if not processes.first:
        console = Console(quiet=True)
    with _claim(out, resume, processes) as folder:
        if folder.resumed:
            settings = _resumed(settings, out)
            if (finished := processes.from_first(lambda: finished_outcome(out))) is not None:
                processes.from_first(lambda: _write_missing_pages(out))
                console.print(f"{escape(str(out))}: already finished", highlight=False, soft_wrap=True)
                return finished
        processes.from_first(lambda: check_keys(settings, os.environ))
        servers = Servers.of(settings, out, os.environ)
        hardware = processes.from_first(lambda: Hardware.measure(settings, processes.local_size))
        hardware.apply()
        processes.from_first(lambda: check_shares(settings, hardware.device, processes))
        settings = settings.model_copy(update=asdict(hardware))
        if resume and not folder.resumed:
            console.print(f"[yellow]{escape(str(out))}: no run to go on with, so one starts from the beginning")
        check_reporter(settings.reporter)
        data = load_data(settings)
        check_origins(settings)
        started = out / "start" if (out / "start").is_dir() else None
        models = load_models(settings, hardware, started)
        queries = None
        if data.magpie is not None:
            with console.status("the teacher writes prompts"):
                magpie = data.magpie
                queries = processes.from_first(lambda: teacher_queries(models, settings, magpie, out / "magpie.json"))
            add_queries(data, queries, settings)
        prompts = encode_all(models, settings, data.prompts)
        tasks = [(name, encode_all(models, settings, found)) for name, found in data.tasks]
        inputs = processes.from_first(lambda: measure_inputs(settings, models, data))
        if folder.resumed:
            check_same_inputs(out, settings, inputs)
        processes.from_first(lambda: servers.check(settings, prompts[0].tokens))
        _show_first_prompt(console, models, settings, data)
        extra = reporter(settings.reporter, out, settings.model_dump(mode="json")) if processes.first else None
        run = _Run(folder, settings, models, data, inputs, console, command, now, clock, extra, processes, servers)
        more = {"inputs.json": inputs, **({} if queries is None else {"magpie.json": queries})}
        judging = run.judging
        calls = [] if judging is None else processes.from_first(judging.check)
        processes.from_first(lambda: folder.begin(dump(settings), more))
        if folder.resumed:
            # How an endpoint is asked may change: what is kept is what this part of the run was told.
            processes.from_first(lambda: write_atomic(out / "resolved.yaml", dump(settings)))
        if judging is not None:
            processes.from_first(partial(judging.note, calls))
        return run.to_the_end(prompts, tasks)


class _Run:
    """The parts of one run that share its folder, models and console."""

    def __init__(
        self,
        folder: RunFolder,
        settings: DistillSettings,
        models: Models,
        data: Data,
        inputs: dict[str, Any],
        console: Console,
        command: Sequence[str],
        now: Callable[[], datetime],
        clock: Callable[[], float],
        extra: Reporter | None,
        processes: Processes,
        servers: Servers,
    ) -> None:
        self.path, self.settings, self.models, self.data = folder.path, settings, models, data
        self.inputs = inputs
        self.console, self.now, self.clock, self.extra = console, now, clock, extra
        self.processes, self.servers = processes, servers
        self.began, self.command = _began(folder.path, now, command)
        self.judging = run_judge(settings, data, models.tokenizer, folder.path, os.environ)

    def to_the_end(self, prompts: list[EncodedPrompt], tasks: list[tuple[str, list[EncodedPrompt]]]) -> Outcome:
        settings = self.settings
        held_out, training = hold_out(prompts, settings.evaluation.held_out)
        student = self._student(training)
        start = student_record(settings, student, self.inputs["student"], self.path / "start")
        wrapper = None
        if settings.lora is not None:
            torch.manual_seed(settings.seed)
            wrapper = add_adapters(student, settings.lora)
        if settings.activation_checkpointing:
            student.activation_checkpointing_enable({"use_reentrant": False})
            student.enable_input_require_grads()
        network = shard(Network(student, self.models.vocabulary), self.processes)
        between = translate(self.models, settings, [*prompts, *(p for _, found in tasks for p in found)])
        writers = self.models.writers(network, self.data.route, between)
        writers = replace(writers, processes=self.processes, servers=self.servers)
        evaluator = Evaluator(
            writers,
            held_out,
            tasks,
            settings.evaluation,
            seed=settings.seed,
            batch=settings.rollout.batch,
            repetition_stop=settings.rollout.repetition_stop,
        )
        measured = BeforeAfter(self.path, settings, self.models, self.judging, self.console)
        trainer = Trainer(writers, training, settings, self.path, self.clock, self.judging)
        for line in trainer.resume():
            self.console.print(f"[yellow]{escape(line)}")
        with network.whole():
            evaluation = self.processes.from_first(lambda: measured.before(evaluator, trainer.step))
        steps = self._steps(trainer)
        self.processes.from_first(lambda: self._manifest(start, trainer, finished=None))
        self._train(trainer, steps)

        def finish() -> dict[str, Any]:
            self._save_student(student, wrapper)
            found = measured.after(evaluator, evaluation)
            self._manifest(start, trainer, finished=self.now())
            write_card(self.path)
            write_report(self.path)
            return found

        with network.whole():
            outcome = self.processes.from_first(finish)
        return Outcome(self.path, outcome, steps, trainer.totals["seconds"])

    def _student(self, training: Sequence[EncodedPrompt]) -> PreTrainedModel:
        """The student as it is loaded, or cut out of a larger model and kept in `start/`."""
        if self.models.student is not None:
            return self.models.student
        name, layers = self.settings.student.prune, self.settings.student.layers
        assert name is not None and layers is not None
        source = self.models.source
        assert source is not None
        own = Network(source, self.models.vocabulary)
        whole = Writers(own, own, self.models.tokenizer, self.models.ends)
        with self.console.status(f"cutting a student of {layers} layers out of {name}"):
            pruning = self.processes.from_first(
                lambda: cut(whole, training, layers, self.path / "start", self.settings)
            )
        student = load_model(str(self.path / "start"), dtype=source.dtype, device=source.device)
        self.console.print(f"student: {layers} of {pruning.source_layers} layers of {name}, kept {list(pruning.kept)}")
        return student

    def _save_student(self, student: PreTrainedModel, wrapper: Any) -> None:
        if wrapper is not None:
            with whole_folder(self.path / "adapter") as draft:
                wrapper.save_pretrained(draft)
            student = wrapper.merge_and_unload()
        with whole_folder(self.path / "student") as draft, without_progress_bars():
            student.save_pretrained(draft)
            self.models.tokenizer.save_pretrained(draft)

    def _steps(self, trainer: Trainer) -> int:
        """How many steps: as configured, or what fits in `minutes`, decided once and kept in plan.json."""
        if self.settings.steps is not None:
            return self.settings.steps
        assert self.settings.minutes is not None
        path = self.path / "plan.json"
        if not self.processes.from_first(path.exists):
            with self.console.status("measuring how long a step takes"):
                steps = steps_for(trainer, self.settings.minutes)
            self.processes.from_first(lambda: write_json(path, {"steps": steps}))
        return self.processes.from_first(lambda: int(json.loads(path.read_text(encoding="utf-8"))["steps"]))

    def _train(self, trainer: Trainer, steps: int) -> None:
        if not self.processes.first:
            trainer.run(steps, lambda step, line: None)
            return
        metrics = Metrics(self.path / "metrics.jsonl", trainer.step, self.extra)
        with RunProgress(self.console, steps, trainer.step) as progress:
            warned = False

            def on_step(step: int, line: dict[str, Any]) -> None:
                nonlocal warned
                metrics.log(line)
                progress.step(step, line)
                if line.get("tied_ratio") == 1 and not warned:
                    warned = True
                    self.console.print(f"[yellow]step {step}: {_TIED}")

            try:
                trainer.run(steps, on_step, progress.token)
            finally:
                metrics.close()

    def _manifest(self, start: StudentRecord, trainer: Trainer, finished: datetime | None) -> None:
        settings, totals = self.settings, trainer.totals
        weights, others = self.models.teacher, self.models.others
        teacher = None if weights is None else model_shape(weights)
        graded = trainer.grader.needs_teacher
        calls = spent_on_calls(self.path)
        manifest = build_manifest(
            settings=settings,
            teacher=teacher_record(settings.teacher, weights, self.inputs["teacher"]),
            teachers={
                name: teacher_record(found, others.get(name), self.inputs["teachers"].get(name))
                for name, found in settings.teachers.items()
            },
            student=start,
            trained_digest=None if finished is None else weights_digest(self.path / "student"),
            prompts=self.data.records,
            versions=versions(),
            commit=commit(),
            command=self.command,
            seeds={"run": settings.seed},
            tokens={
                "rollout": int(totals["student_written"] + totals["teacher_written"]),
                "judge": calls.input_tokens + calls.output_tokens,
                "teacher": int(totals["trained"]) if graded else 0,
                "student": int(totals["trained"]),
            },
            flops=flops_by_part(
                teacher,
                model_shape(trainer.writers.student.model),
                totals.values,
                graded=graded,
                activation_checkpointing=settings.activation_checkpointing,
            ),
            started=self.began,
            finished=finished,
            api_cost_usd=calls.usd,
            judge_prompts={} if self.judging is None else self.judging.templates,
        )
        write_json(self.path / "manifest.json", manifest)


_TIED = (
    "the judge gave all answers to each prompt the same score, so it taught nothing; look at grades/, and try another "
    "method or judge (docs/judging.md) if this goes on"
)
_MEASURED = ("device", "dtype", "threads")


def _claim(out: Path, resume: bool, processes: Processes) -> RunFolder:
    """The place of the run, which the first process holds for all."""
    held: list[RunFolder] = []

    def hold() -> bool:
        held.append(claim(out, "distill", resume))
        return held[0].resumed

    resumed = processes.from_first(hold)
    return held[0] if held else RunFolder(out, "distill", resumed=resumed, lock=None)


def _began(folder: Path, now: Callable[[], datetime], command: Sequence[str]) -> tuple[datetime, list[str]]:
    """When the run began and by which command: as its manifest says if it is resumed.

    The first command stays, because a later one may leave number type and threads to what the run has measured.
    """
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return now(), [word for word in command if word != "--resume"]
    kept = json.loads(manifest.read_text(encoding="utf-8"))
    return datetime.fromisoformat(kept["started"]), kept["command"]


def _resumed(given: DistillSettings, out: Path) -> DistillSettings:
    """`given`, with what the run in `out` measured when it began. RunFolderError if it asks for something else."""
    kept = load(DistillSettings, out / "resolved.yaml")

    def may_change(key: str, value: Any) -> bool:
        return how_it_is_asked(key) or (key in _MEASURED and value in ("auto", None))

    check_same_settings(out, kept, given, may_change)
    return given.model_copy(update={key: getattr(kept, key) for key in _MEASURED})


def _write_missing_pages(out: Path) -> None:
    """Card and report of a finished run, which are made last: a kill just before has left none."""
    for page, write in ((out / "student" / "README.md", write_card), (out / "report.html", write_report)):
        if not page.exists():
            write(out)


def _show_first_prompt(console: Console, models: Models, settings: DistillSettings, data: Data) -> None:
    if data.prompts:
        text = render(models.tokenizer, data.prompts[0], settings.system)
        console.print(Panel(escape(text), title="first prompt, as the models read it", expand=False))
