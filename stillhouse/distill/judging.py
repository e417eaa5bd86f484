"""A run's judge at work: groups of answers in, grades in the grade book out.

The training loop waits for grades and the judge waits for the network, so all groups of a phase are judged at once, as
many calls at a time as the endpoint allows. A grade is on disk as soon as it is given: whatever ends the run, no call
is paid for twice.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import text_of
from stillhouse.distill.grades import GradeBook, GroupGrades, grader_id, group_id
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
from stillhouse.distill.sections import TeacherSettings
from stillhouse.distill.setup import Data
from stillhouse.distill.win_rate import WinRate, judged_win_rate
from stillhouse.models.http import HttpModel
from stillhouse.models.spending import Spending, spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Completion, Exchange, Message, Sampling

__all__ = ["Judging", "calls_of", "judge_id", "pairwise", "run_judge", "served", "spent_on_calls"]


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
        """Every text that the judge is given, by name."""
        model = _Unasked(self.teacher.model)
        return {**RankingJudge(pairwise(self.method), model).templates, **judge(self.method, model).templates}

    def check(self) -> list[Exchange]:
        """One short call, so that a wrong key or a wrong address is found before anything is made.

        Of a run that has spent before, the call is one of its own: in its log, its budget and its cache, which answers
        from the second time on. Else no folder is needed: the call comes back as a record, for `note`.
        EndpointError; BudgetError where the budget has no room for the call.
        """

        async def ask(run: Path) -> None:
            async with served(self.teacher, self.name, run, self.environ) as model:
                await model.sample([Message("user", "Say yes.")], Sampling(max_tokens=4, temperature=0.0))

        if _log(self.run, self.name).exists():
            asyncio.run(ask(self.run))
            return []
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder) / self.run.name
            asyncio.run(ask(scratch))
            return list(ExchangeLog(_log(scratch, self.name)))

    def note(self, calls: Sequence[Exchange]) -> None:
        """Put calls that were made before there was a folder into the run's log."""
        if calls:
            log = _log(self.run, self.name)
            log.parent.mkdir(exist_ok=True)
            with ExchangeLog(log) as kept:
                kept.extend(calls)

    def calls(self) -> Iterator[Exchange]:
        """What this judge was asked in this run."""
        log = _log(self.run, self.name)
        if log.exists():
            yield from ExchangeLog(log)

    def grade(
        self, groups: Sequence[Sequence[Rollout]], progress: Callable[[int], None] = lambda done: None
    ) -> list[GroupGrades]:
        """The grades of all groups; those that the book does not have are asked for. `progress` counts groups.

        EndpointError or BudgetError if the judge cannot be asked; what it said before is in the book. EndpointError too
        if hardly anything that it has said in this run can be read: groups without a readable word are kept only if it
        has not come to that, so they are asked again when the run goes on.
        """
        missing = [group for group in groups if self.book.of(group) is None]
        if missing:
            unread = asyncio.run(self._grade(missing, progress))
            said = [j for grades in (*self.book.rows().values(), *(g for _, g in unread)) for j in _judgements(grades)]
            check_missing(self.teacher.model, said)
            for group, grades in unread:
                self.book.add(group, grades)
        graded = [self.book.of(group) for group in groups]
        return [grades for grades in graded if grades is not None]

    async def _grade(
        self, groups: Sequence[Sequence[Rollout]], progress: Callable[[int], None]
    ) -> list[tuple[Sequence[Rollout], GroupGrades]]:
        """Ask about all groups and keep what could be read of each; returns the groups of which nothing could."""
        async with self._model() as model:
            asked = judge(self.method, model)
            found = await together(self._one(asked, group, progress) for group in groups)
        return [(group, grades) for group, grades in zip(groups, found, strict=True) if not _readable(grades)]

    async def _one(self, asked: Judge, group: Sequence[Rollout], progress: Callable[[int], None]) -> GroupGrades:
        prompt = self.prompts[group[0].prompt_id]
        seed = int(hashlib.sha256(group_id(group).encode()).hexdigest()[:7], 16)
        judgements = await asked.judge(prompt, self._texts(group), seed=seed)
        grades = GroupGrades(tuple(j.score for j in judgements), tuple(j.detail for j in judgements))
        if _readable(grades):
            self.book.add(group, grades)
        progress(1)
        return grades

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
                judged.append(Judged.of(self.prompts[group[0].prompt_id], self._texts(group), _judgements(grades)))
        return reliability(judged)

    def _texts(self, answers: Sequence[Rollout]) -> list[str]:
        return [text_of(self.tokenizer, answer.tokens) for answer in answers]

    def _model(self) -> HttpModel:
        return served(self.teacher, self.name, self.run, self.environ)


@dataclass(frozen=True, slots=True)
class _Unasked:
    """Stands for a judge's model where only the words for it are wanted: it needs no key."""

    name: str

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        raise AssertionError(f"{self.name} is not to be asked")


def _log(run: Path, name: str) -> Path:
    """Where the calls of the model called `name` are kept."""
    return run / "calls" / f"{name}.jsonl"


def _readable(grades: GroupGrades) -> bool:
    return any(score is not None for score in grades.scores)


def _judgements(grades: GroupGrades) -> list[Judgement]:
    return [Judgement(score=s, detail=d) for s, d in zip(grades.scores, grades.details, strict=True)]


def judge_id(teacher: TeacherSettings, method: JudgeSettings) -> str:
    """The id of a judge: its model, its address, how and with which words it is asked, and how it is scored."""
    assert teacher.endpoint is not None
    endpoint = teacher.endpoint
    how = method.model_dump(mode="json", exclude={"max_tokens"})
    made = judge(method, _Unasked(teacher.model))
    words = dict(made.templates)
    return grader_id(teacher.model, endpoint.base_url, endpoint.api, endpoint.extra, how, words, made.scoring)


def pairwise(method: JudgeSettings) -> RankingSettings:
    """The settings for comparing two answers: a ranking judge's own, else plain ones with the same sampling."""
    if isinstance(method, RankingSettings):
        return method
    return RankingSettings(
        temperature=method.temperature, max_tokens=method.max_tokens, instructions=method.instructions
    )


def served(teacher: TeacherSettings, name: str, run: Path, environ: Mapping[str, str]) -> HttpModel:
    """The served model of `teacher`, called `name` in the config; calls go into the run's `calls/<name>.jsonl`."""
    assert teacher.endpoint is not None
    return HttpModel(
        teacher.model,
        teacher.endpoint,
        account=f"stillhouse/{run.name}",
        cache=teacher.endpoint.cache or run / "calls" / "cache",
        log=_log(run, name),
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
    teacher = settings.teacher_called(grader.by)
    book = GradeBook(run, grader.by, judge_id(teacher, grader.method))
    return Judging(teacher, grader.by, grader.method, prompts, tokenizer, run, book, environ)


def calls_of(run: Path) -> Iterator[Exchange]:
    """Every call of a served model that the run in the folder `run` has made, log by log."""
    for log in sorted((run / "calls").glob("*.jsonl")):
        yield from ExchangeLog(log)


def spent_on_calls(run: Path) -> Spending:
    """Calls, tokens and money by the logs of the run in the folder `run`."""
    return spending(calls_of(run))
