"""What a teacher thinks of answers that are already written: the log-probability of every token.

From weights that are here, or from an endpoint that gives log-probabilities of a given text. The score of an answer is
its mean log-probability per token, since a sum would mostly say how short it is; the tokens stay in the detail.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.grades import GroupGrades
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.judges.ask import together
from stillhouse.distill.judging import served
from stillhouse.distill.log_likelihood import token_logprobs
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import check_finite, check_same_tokenizer, own_vocabulary
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.sections import TeacherSettings
from stillhouse.errors import EndpointError
from stillhouse.models.http import HttpModel
from stillhouse.models.local import load_model, load_tokenizer

__all__ = ["score_here", "score_there"]

Keep = Callable[[Sequence[Rollout], GroupGrades], None]
"""What is done with the grades of a group as soon as they are there."""


def score_here(
    teacher: TeacherSettings, student: str, kept: DistillSettings, groups: Sequence[Sequence[Rollout]], keep: Keep
) -> None:
    """Grades by the weights of `teacher`, in the run's number type. ModelError unless `student` has its tokenizer."""
    tokenizer, theirs = load_tokenizer(student), load_tokenizer(teacher.model, teacher.revision)
    check_same_tokenizer(theirs, tokenizer, teacher.model, student)
    hardware = Hardware.measure(kept)
    hardware.apply()
    model = load_model(teacher.model, revision=teacher.revision, dtype=hardware.torch_dtype, device=hardware.device)
    check_finite(teacher.model, model)
    network = Network(model, own_vocabulary(tokenizer))
    network.check_packing(teacher.model)
    for group in groups:
        found = token_logprobs(network, group, temperature=1.0, batch=kept.micro_batch, chunk=kept.loss_chunk)
        keep(group, _grades(group, found))


def score_there(
    teacher: TeacherSettings,
    name: str,
    run: Path,
    groups: Sequence[Sequence[Rollout]],
    keep: Keep,
    environ: Mapping[str, str],
) -> None:
    """Grades by the log-probabilities that an endpoint gives of the answers' own tokens, sent as ids.

    EndpointError where it gives none: only `completions` endpoints that know `echo` do. That the model served there has
    the student's tokenizer cannot be seen from here.
    """

    async def ask() -> None:
        async with served(teacher, name, run, environ) as model:
            await together(_served_group(model, group, keep) for group in groups)

    asyncio.run(ask())


async def _served_group(model: HttpModel, group: Sequence[Rollout], keep: Keep) -> None:
    found = await together(_served_answer(model, answer) for answer in group)
    keep(group, _grades(group, found))


async def _served_answer(model: HttpModel, answer: Rollout) -> list[float]:
    tokens = [*answer.prompt_tokens, *answer.tokens]
    scored = await model.logprobs(tokens)
    if len(scored) < len(tokens):
        raise EndpointError(
            f"{model.name}: gave log-probabilities of {len(scored)} of {len(tokens)} tokens; it must be served with "
            "the student's tokenizer"
        )
    return [token.logprob for token in scored[len(answer.prompt_tokens) : len(tokens)]]


def _grades(group: Sequence[Rollout], logprobs: Sequence[Sequence[float]]) -> GroupGrades:
    """The mean log-probability per token of each answer; `log_ratio` is the same less the student's own."""
    scores, details = [], []
    for answer, logp in zip(group, logprobs, strict=True):
        scores.append(fmean(logp))
        detail: dict[str, object] = {"logprobs": [round(x, 6) for x in logp]}
        if answer.logprobs:
            detail["log_ratio"] = round(fmean(q - p for q, p in zip(logp, answer.logprobs, strict=True)), 6)
        details.append(detail)
    return GroupGrades(tuple(scores), tuple(details))
