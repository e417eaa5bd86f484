"""Each answer by itself, scored on several criteria, with a reason first.

A score that comes after its reason is drawn from it (Liu et al. 2023, "G-Eval", arXiv 2303.16634, section 2; and the
order of keys matters: Tam et al. 2024, arXiv 2408.02442). The criteria are scored apart and weighted here, because
the weights are the user's and a model adds up badly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from stillhouse.distill.judges.ask import ask
from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.chance import number
from stillhouse.distill.judges.form import Form
from stillhouse.distill.judges.parse import integer, object_in, words
from stillhouse.distill.judges.settings import RubricSettings
from stillhouse.distill.judges.shown import DATA, mark, question, tagged
from stillhouse.distill.judges.single import judge_each, missing
from stillhouse.distill.prompts import Prompt
from stillhouse.types import Message, Sampler

__all__ = ["RubricJudge"]

_TEXT = """\
Judge an answer to a question.

{question}

{answer}

{data}

Score the answer from {lowest} (worst) to {highest} (best) on each of these:
{criteria}
{instructions}
{request}"""


@dataclass(frozen=True, slots=True)
class RubricJudge:
    """Asks `model` once for each distinct answer and repeat; the score is the weighted mean of the criteria."""

    settings: RubricSettings
    model: Sampler
    scoring: ClassVar[str] = "weighted mean of the criteria, mean over repeats"

    @property
    def name(self) -> str:
        return f"rubric by {self.model.name}"

    @property
    def templates(self) -> Mapping[str, str]:
        return {"rubric": self._text("$question", "$answer", ""), "reminder": self._form.reminder}

    async def judge(self, prompt: Prompt, answers: Sequence[str], *, seed: int) -> list[Judgement]:
        """See `Judge.judge`. `detail["asked"]` has `value`, `scores` by criterion and `reason` of each repeat."""
        asked = question(prompt)

        async def about(answer: str, repeat: int) -> dict[str, Any]:
            sampling = self.settings.sampling(number(seed, "rubric", prompt.id, repeat), self._form.schema)
            text = self._text(asked, answer, mark([asked, answer]))
            reply = await ask(self.model, [Message("user", text)], sampling, self._read, self._form.reminder)
            return {"repeat": repeat, **(missing(reply) if reply.value is None else reply.value)}

        return await judge_each(answers, self.settings.repeats, about)

    @property
    def _form(self) -> Form:
        scale, names = self.settings.scale, [criterion.name for criterion in self.settings.criteria]
        return Form(
            dict.fromkeys(names, scale.numbers),
            dict.fromkeys(names, f"whole number from {scale.lowest} to {scale.highest}"),
        )

    def _text(self, question: str, answer: str, mark: str) -> str:
        settings = self.settings
        return _TEXT.format(
            question=tagged("question", question, mark),
            answer=tagged("answer", answer, mark),
            data=DATA,
            lowest=settings.scale.lowest,
            highest=settings.scale.highest,
            criteria="\n".join(f"- {criterion.name}: {criterion.description}" for criterion in settings.criteria),
            instructions=settings.paragraph,
            request=self._form.request,
        )

    def _read(self, text: str) -> dict[str, Any]:
        said, scale = object_in(text), self.settings.scale
        scores = {c.name: integer(said, c.name, scale.lowest, scale.highest) for c in self.settings.criteria}
        weighted = zip(self.settings.shares, self.settings.criteria, strict=True)
        value = sum(share * scale.share(scores[criterion.name]) for share, criterion in weighted)
        return {"value": min(1.0, value), "scores": scores, "reason": words(said, "reason")}
