"""What a run measures before its first step and after its last, on the same prompts.

Each part is written as soon as it is there, so a resumed run measures only what is missing; the answers are kept too,
for the report and for whoever wants to look.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, text_of
from stillhouse.distill.evaluate import Evaluator, row_record
from stillhouse.distill.judges.reliability_table import reliability_table
from stillhouse.distill.judging import Judging
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.setup import Models
from stillhouse.distill.store import RolloutStore
from stillhouse.distill.win_rate import WinRate
from stillhouse.errors import JudgeError, RunFolderError
from stillhouse.models.error_table import error_table, failed_tries
from stillhouse.models.spending import spending
from stillhouse.records import write_atomic, write_json

__all__ = ["BeforeAfter"]

_TEACHER_ANSWERS, _BEFORE_ANSWERS, _AFTER_ANSWERS = 0, 1, 2


class BeforeAfter:
    """Writes `evaluation.json`, `evaluation/`, `judge.json` and `samples.jsonl` of the run in the folder `path`."""

    def __init__(
        self, path: Path, settings: DistillSettings, models: Models, judging: Judging | None, console: Console
    ) -> None:
        self.path, self.settings, self.models, self.judging, self.console = path, settings, models, judging, console

    def before(self, evaluator: Evaluator, step: int) -> dict[str, Any]:
        """Teacher and student before the first step; measured once, then read back.

        RunFolderError if that is gone and the student has already learnt.
        """
        path = self.path / "evaluation.json"
        store = RolloutStore(self.path / "evaluation")
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        if step > 0:
            raise RunFolderError(f"{path}: the measures from before training are gone; start the run again")
        with self.console.status("measuring teacher and student before training") as status:
            evaluator.progress = lambda part: status.update(f"measuring before training: {part}")
            answers = evaluator.teacher_answers()
            if answers is not None:
                store.write(_TEACHER_ANSWERS, answers)
            teacher = evaluator.teacher(answers)
            before, own = evaluator.student(answers)
            store.write(_BEFORE_ANSWERS, own)
        found = {"teacher": row_record(teacher), "before": row_record(before)}
        write_json(path, found)
        return found

    def after(self, evaluator: Evaluator, evaluation: dict[str, Any]) -> dict[str, Any]:
        """The student once more, on the same prompts, and its answers beside those from before.

        RunFolderError if the answers from before are gone.
        """
        store = RolloutStore(self.path / "evaluation")
        given, before = store.read(_TEACHER_ANSWERS), store.read(_BEFORE_ANSWERS)
        if before is None or (given is None and self.models.teacher is not None):
            raise RunFolderError(f"{store.folder}: the answers from before training are gone; start the run again")
        with self.console.status("measuring after training") as status:
            evaluator.progress = lambda part: status.update(f"measuring after training: {part}")
            after, own = evaluator.student(given)
        store.write(_AFTER_ANSWERS, own)
        if self.judging is not None:
            won = self._win_rate(self.judging, before, own)
            if isinstance(won, WinRate):
                after["judged_win_rate"] = won.rate
            write_json(self.path / "judge.json", self._judge_record(won))
        evaluation = {**evaluation, "after": row_record(after)}
        write_json(self.path / "evaluation.json", evaluation)
        answers = {"teacher": given, "before": before, "after": own}
        self._samples(evaluator.held_out, {who: rows for who, rows in answers.items() if rows is not None})
        return evaluation

    def _win_rate(self, judging: Judging, before: list[Rollout], own: list[Rollout]) -> WinRate | str:
        """The judge's comparison, or why there is none: a judge of another kind need not be able to compare two."""
        try:
            with self.console.status("the judge compares the answers before and after"):
                return judging.win_rate(before, own)
        except JudgeError as error:
            self.console.print(f"[yellow]no judged win rate: {escape(str(error))}")
            return str(error)

    def _judge_record(self, won: WinRate | str) -> dict[str, Any]:
        """What is known of the judge at the end: its habits over all that it graded, and its verdict on the student."""
        assert self.judging is not None
        store, each = RolloutStore(self.path / "rollouts"), self.settings.rollout.answers
        answers = [answer for phase in store.phases() for answer in store.read(phase) or []]
        measured = self.judging.reliability([answers[i : i + each] for i in range(0, len(answers), each)])
        self.console.print(reliability_table(self.judging.teacher.model, measured))
        calls = list(self.judging.calls())
        if failed := failed_tries(calls):
            self.console.print(error_table(self.judging.teacher.model, failed, spending(calls).calls))
        rate = won.as_dict() if isinstance(won, WinRate) else {"value": None, "why": won}
        return {"v": "stillhouse.judge/1", "win_rate": rate, "reliability": [m.as_dict() for m in measured]}

    def _samples(self, prompts: Sequence[EncodedPrompt], answers: dict[str, list[Rollout]]) -> None:
        lines = []
        for i, p in enumerate(prompts[: self.settings.evaluation.samples]):
            texts = {who: text_of(self._tokenizer(who), rows[i].tokens) for who, rows in answers.items()}
            finish = {who: rows[i].finish_reason for who, rows in answers.items()}
            lines.append(
                json.dumps({"prompt": p.prompt.messages[-1].content, **texts, "finish": finish}, ensure_ascii=False)
            )
        write_atomic(self.path / "samples.jsonl", "".join(line + "\n" for line in lines))

    def _tokenizer(self, who: str) -> PreTrainedTokenizerBase:
        theirs = self.models.teacher_tokenizer
        return theirs if who == "teacher" and theirs is not None else self.models.tokenizer
