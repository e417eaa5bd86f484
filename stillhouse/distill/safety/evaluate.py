"""`stillhouse distill evaluate --safety`: teacher, start and student through the gate, and what it leaves behind.

Refusals alone would reward a model that can do nothing else, so following instructions and arithmetic are measured
by the same command. `safety.json` has the numbers and the verdict; `safety_answers.jsonl` has every answer that the
verdict rests on, so that anybody can count again, by hand or with another rule.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.config import load
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.following import FollowingPrompt, following_prompts, following_scores, read_following
from stillhouse.distill.hardware import Hardware, choose_device
from stillhouse.distill.measure import evaluation_settings, run_of
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.report import write_report
from stillhouse.distill.safety.gate import MAX_NEW_TOKENS, REPETITION_STOP, SafetyAnswer, decide, rates
from stillhouse.distill.safety.prompts import SafetyPrompt, prompt_record, safety_prompts
from stillhouse.distill.safety.record import answer_lines, safety_record
from stillhouse.distill.safety.speaker import Speaker, check_questions, identity
from stillhouse.distill.setup import read_data
from stillhouse.distill.signed_card import rewrite_card
from stillhouse.distill.tasks import check
from stillhouse.errors import ConfigError, RunFolderError
from stillhouse.records import write_atomic, write_json
from stillhouse.stats import Interval, wilson

__all__ = ["ARITHMETIC", "evaluate_safety"]

ARITHMETIC = "basic_arithmetic"


@dataclass(frozen=True, slots=True)
class _Questions:
    """All that every model is asked, and the caps of the answers."""

    safety: list[SafetyPrompt]
    following: list[FollowingPrompt]
    tasks: list[tuple[str, list[Prompt]]]
    max_new_tokens: int
    seed: int
    resamples: int

    @property
    def prompts(self) -> list[Prompt]:
        """Everything that is asked, in the order in which it is."""
        own = [*(p.prompt for p in self.safety), *(p.prompt for p in self.following)]
        return own + [prompt for _, found in self.tasks for prompt in found]


def evaluate_safety(
    model: str,
    teacher: str,
    *,
    before: str | None,
    safety_files: Sequence[Path],
    ifeval: Path | None,
    limit: int,
    max_prompt_tokens: int,
    max_new_tokens: int,
    tasks: Sequence[str],
    seed: int,
    progress: Callable[[str], None],
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """What `safety.json` holds: the measures of `teacher`, `before` and `after`, `verdict` and `because`.

    `model` is the student after training. Where it is the `student/` of a run, `before` is the run's start unless it
    is given. Only that comparison, on our own pairs, is `standard`: it goes into the run folder, whose card and report
    are written again; `warn` gets a line where that breaks a signature of the student. Any other leaves the run as it
    is, so that none can replace a verdict by asking something else.
    `limit` caps the instructions and each task, never the prompts of the gate, whose number is its power.
    Raises ConfigError without a start or without a harmful prompt, RunFolderError where the start that is in the run
    folder is not the one that was trained, RecordError and ModelError as the parts do.
    """
    run = run_of(model)
    kept = None if run is None else load(DistillSettings, run / "resolved.yaml")
    standard = run is not None and before is None and not safety_files
    start, revision = (before, None) if before is not None else _start(run, kept)
    settings = evaluation_settings(
        model,
        teacher,
        kept,
        source={"name": "instructions"},
        limit=limit,
        max_prompt_tokens=max_prompt_tokens,
        max_new_tokens=max_new_tokens,
        tasks=tasks or [ARITHMETIC],
        seed=seed,
    )
    asked = _Questions(
        safety_prompts(safety_files),
        (following_prompts() if ifeval is None else read_following(ifeval))[:limit],
        read_data(settings).tasks,
        max_new_tokens,
        seed,
        settings.evaluation.resamples,
    )
    if not any(p.harmful for p in asked.safety):
        raise ConfigError("--safety-prompts: no harmful prompt in them, so there is no refusal to lose; add some")
    if not any(p.checkable for p in asked.following):
        raise ConfigError(
            f"{ifeval}: none of its first {len(asked.following)} prompts has an instruction that can be checked; add "
            "some, or raise --limit"
        )
    models = {
        "teacher": identity(teacher, None),
        "before": identity(start, revision),
        "after": identity(model, None),
    }
    if run is not None and before is None:
        _check_start(run, models["before"])
    for known in models.values():  # each speaks for a long time, so the last one is looked at before the first
        check_questions(
            str(known["name"]), known["revision"], asked.prompts, longest=max_prompt_tokens, system=settings.system
        )
    if settings.dtype == "auto" and choose_device(settings.device) == "cpu":
        # What is fastest depends on how busy the machine is, and another number type flips a few answers.
        settings = settings.model_copy(update={"dtype": "float32"})
    hardware = Hardware.measure(settings)
    hardware.apply()
    measured: dict[str, dict[str, Interval]] = {}
    answers: dict[str, list[SafetyAnswer]] = {}
    unchecked = 0
    for who, known in models.items():
        same = next((w for w in measured if _same(models[w], known)), None)
        if same is not None:
            measured[who], answers[who] = measured[same], answers[same]
            continue
        name = str(known["name"])
        speaker = Speaker.load(
            name,
            known["revision"],
            hardware,
            longest=max_prompt_tokens,
            system=settings.system,
            batch=settings.rollout.batch,
        )
        progress(f"{who}: {name}")
        measured[who], answers[who], unchecked = _measured(speaker, asked)
    decision = decide(answers["before"], answers["after"])
    result = {
        **safety_record(measured, answers, decision),
        "prompts": prompt_record(asked.safety, ", ".join(path.name for path in safety_files) or "safety_pairs"),
        "instructions": {
            "source": "following" if ifeval is None else ifeval.name,
            "n": len(asked.following),
            "instructions_not_checked": unchecked,
        },
        "models": {who: {k: v for k, v in known.items() if k != "template"} for who, known in models.items()},
        "standard": standard,
    }
    if run is not None and standard:
        write_json(run / "safety.json", result)
        write_atomic(run / "safety_answers.jsonl", answer_lines(answers))
        rewrite_card(run, warn)
        write_report(run)
    return result


def _start(run: Path | None, kept: DistillSettings | None) -> tuple[str, str | None]:
    """The model that the run started from: cut and kept in the run folder, or named in its settings."""
    if run is None or kept is None:
        raise ConfigError("--safety compares a student with its start: give --before, or the student/ of a run")
    if (run / "start").is_dir():
        return str(run / "start"), None
    if kept.student.model is None:
        raise ConfigError(f"{run}: the start that was cut for this run is gone; give --before")
    return kept.student.model, kept.student.revision


def _check_start(run: Path, start: dict[str, str | None]) -> None:
    """RunFolderError where the weights to compare with are known and not those that the manifest says were trained."""
    path = run / "manifest.json"
    trained = json.loads(path.read_text(encoding="utf-8"))["student"]["weights_digest"]
    if start["weights"] not in (None, trained):
        raise RunFolderError(
            f"{start['name']}: its weights ({start['weights']}) are not those that {path} says were trained "
            f"({trained}); put them back, or give --before"
        )


def _measured(speaker: Speaker, asked: _Questions) -> tuple[dict[str, Interval], list[SafetyAnswer], int]:
    """All measures of one model, its answers to the gate, and how many instructions could not be checked."""
    written = speaker.answers([p.prompt for p in asked.safety], MAX_NEW_TOKENS, REPETITION_STOP)
    answers = [
        SafetyAnswer(p, speaker.text(rollout), rollout.finish_reason)
        for p, rollout in zip(asked.safety, written, strict=True)
    ]
    told = speaker.answers([p.prompt for p in asked.following], asked.max_new_tokens, 0)
    scores, unchecked = following_scores(
        asked.following, [speaker.text(r) for r in told], resamples=asked.resamples, seed=asked.seed
    )
    row = {**rates(answers), **scores}
    for title, prompts in asked.tasks:
        solved = speaker.answers(prompts, asked.max_new_tokens, REPETITION_STOP)
        right = sum(check(p, speaker.text(r)) for p, r in zip(prompts, solved, strict=True))
        row[f"exact_match/{title}"] = wilson(right, len(prompts))
    return row, answers, unchecked


def _same(one: dict[str, str | None], other: dict[str, str | None]) -> bool:
    """Whether two models give the same greedy answers: the same weights behind the same template."""
    return one["weights"] is not None and all(one[key] == other[key] for key in ("weights", "template"))
