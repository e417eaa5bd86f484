"""A run's judge at work: groups of answers in, grades in the grade book out.

The training loop waits for grades and the judge waits for the network, so all groups of a phase are judged at once, as
many calls at a time as the endpoint allows. A grade is on disk as soon as it is given: whatever ends the run, no call
is paid for twice.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings, TeacherSettings
from stillhouse.distill.encode import text_of
from stillhouse.distill.grades import GradeBook, GroupGrades, group_id
from stillhouse.distill.judges.ask import together
from stillhouse.distill.judges.base import Judge, Judgement
from stillhouse.distill.judges.judged import Judged
from stillhouse.distill.judges.missing import check_missing
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.registry import judge
from stillhouse.distill.judges.reliability import Measured, reliability
from stillhouse.distill.judges.settings import JudgeSettings, RankingSettings
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.setup import Data
from stillhouse.distill.win_rate import WinRate, judged_win_rate
from stillhouse.models.http import HttpModel
from stillhouse.models.spending import Spending, spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Message, Sampling

__all__ = ["Judging", "pairwise", "run_judge", "served", "spent_on_calls"]


@dataclass(frozen=True, slots=True)
class Judging:
    """The judge of the run in the folder `run`: the teacher called `name` in the config, asked by `method`.

    `prompts` by id are what it is shown beside the answers, which `tokenizer` turns into text. What it says goes into
    `book`, every call into `calls/<name>.jsonl`.
    """

    teacher: TeacherSettings
    name: str
    method: JudgeSettings
    prompts: Mapping[str, Prompt]
    tokenizer: PreTrainedTokenizerBase
    run: Path
    book: GradeBook
    environ: Mapping[str, str]

    @property
    def templates(self) -> Mapping[str, str]:
        """Every text that the judge is given, by name. ConfigError if its key is not in the environment."""
        return judge(self.method, self._model()).templates

    def check(self) -> None:
        """One short call, so that a wrong key or a wrong address is found before an hour of work. EndpointError."""

        async def ask() -> None:
            async with self._model() as model:
                await model.sample([Message("user", "Say yes.")], Sampling(max_tokens=4, temperature=0.0))

        asyncio.run(ask())

    def grade(
        self, groups: Sequence[Sequence[Rollout]], progress: Callable[[int], None] = lambda done: None
    ) -> list[GroupGrades]:
        """The grades of all groups; those that the book does not have are asked for. `progress` counts groups.

        EndpointError or BudgetError if the judge cannot be asked; what it said before is in the book. EndpointError too
        if hardly anything that it says can be read.
        """
        missing = [group for group in groups if self.book.of(group) is None]
        if missing:
            check_missing(self.teacher.model, asyncio.run(self._grade(missing, progress)))
        graded = [self.book.of(group) for group in groups]
        return [grades for grades in graded if grades is not None]

    async def _grade(self, groups: Sequence[Sequence[Rollout]], progress: Callable[[int], None]) -> list[Judgement]:
        async with self._model() as model:
            asked = judge(self.method, model)
            found = await together(self._one(asked, group, progress) for group in groups)
        return [judgement for group in found for judgement in group]

    async def _one(self, asked: Judge, group: Sequence[Rollout], progress: Callable[[int], None]) -> list[Judgement]:
        prompt = self.prompts[group[0].prompt_id]
        seed = int(hashlib.sha256(group_id(group).encode()).hexdigest()[:7], 16)
        judgements = await asked.judge(prompt, self._texts(group), seed=seed)
        self.book.add(group, GroupGrades(tuple(j.score for j in judgements), tuple(j.detail for j in judgements)))
        progress(1)
        return judgements

    def win_rate(self, before: Sequence[Rollout], after: Sequence[Rollout]) -> WinRate:
        """How often the judge prefers after[i] to before[i], answers to the same prompts, compared two at a time."""

        async def compare() -> WinRate:
            async with self._model() as model:
                asked = RankingJudge(pairwise(self.method), model)
                prompts = [self.prompts[answer.prompt_id] for answer in before]
                return await judged_win_rate(asked, prompts, self._texts(before), self._texts(after), seed=0)

        return asyncio.run(compare())

    def reliability(self, groups: Sequence[Sequence[Rollout]]) -> list[Measured]:
        """How far this judge can be trusted, by what it said of those of `groups` that are in the book."""
        judged = []
        for group in groups:
            grades = self.book.of(group)
            if grades is not None:
                said = [Judgement(score=s, detail=d) for s, d in zip(grades.scores, grades.details, strict=True)]
                judged.append(Judged.of(self.prompts[group[0].prompt_id], self._texts(group), said))
        return reliability(judged)

    def _texts(self, answers: Sequence[Rollout]) -> list[str]:
        return [text_of(self.tokenizer, answer.tokens) for answer in answers]

    def _model(self) -> HttpModel:
        return served(self.teacher, self.name, self.run, self.environ)


def pairwise(method: JudgeSettings) -> RankingSettings:
    """The settings for comparing two answers: a ranking judge's own, else plain ones with the same sampling."""
    if isinstance(method, RankingSettings):
        return method
    return RankingSettings(temperature=method.temperature, max_tokens=method.max_tokens)


def served(teacher: TeacherSettings, name: str, run: Path, environ: Mapping[str, str]) -> HttpModel:
    """The served model of `teacher`, called `name` in the config; calls go into the run's `calls/<name>.jsonl`."""
    assert teacher.endpoint is not None
    calls = run / "calls"
    return HttpModel(
        teacher.model,
        teacher.endpoint,
        account=f"stillhouse/{run.name}",
        cache=teacher.endpoint.cache or calls / "cache",
        log=calls / f"{name}.jsonl",
        environ=environ,
    )


def run_judge(
    settings: DistillSettings,
    data: Data,
    tokenizer: PreTrainedTokenizerBase,
    run: Path,
    environ: Mapping[str, str],
) -> Judging | None:
    """The judge that a run's settings name, or None."""
    grader = settings.judge
    if grader is None:
        return None
    prompts = {prompt.id: prompt for prompt in data.prompts}
    book = GradeBook(run, grader.by)
    teacher = settings.teacher_called(grader.by)
    return Judging(teacher, grader.by, grader.method, prompts, tokenizer, run, book, environ)


def spent_on_calls(run: Path) -> Spending:
    """Calls, tokens and money by the logs of the run in the folder `run`."""
    return spending(exchange for log in sorted((run / "calls").glob("*.jsonl")) for exchange in ExchangeLog(log))
