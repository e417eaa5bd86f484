"""Does an answer say what a known good one says?

Where a reference exists, comparing with it is much easier than judging from nothing: a judge that cannot solve a task
can still see whether two texts agree (Zheng et al. 2023, arXiv 2306.05685, section 3.4, "reference-guided judge"). For
answers that a rule can check, `stillhouse.distill.tasks.check` is exact and costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from stillhouse.distill.judges.ask import ask
from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.chance import number
from stillhouse.distill.judges.form import Form
from stillhouse.distill.judges.parse import choice, object_in, words
from stillhouse.distill.judges.settings import ReferenceSettings
from stillhouse.distill.judges.shown import DATA, mark, question, tagged
from stillhouse.distill.judges.single import judge_each, missing
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ConfigError
from stillhouse.types import Message, Sampler

__all__ = ["ReferenceJudge", "reference_of"]

_VALUES = {"yes": 1.0, "partly": 0.5, "no": 0.0}
_FORM = Form({"same": list(_VALUES)}, {"same": '"yes", "partly" or "no"'})
_TEXT = """\
Compare an answer with the reference, which is right.

{question}

{reference}

{answer}

{data}

Does the answer come to the same as the reference? Other words or another way to it do not matter.
"yes": the same. "partly": some of it is right, some is wrong or missing. "no": it is wrong.
{instructions}
{request}"""


@dataclass(frozen=True, slots=True)
class ReferenceJudge:
    """Asks `model` once for each distinct answer and repeat; yes is 1, partly 1/2, no 0."""

    settings: ReferenceSettings
    model: Sampler
    scoring: ClassVar[str] = "yes 1, partly 1/2, no 0, mean over repeats"

    @property
    def name(self) -> str:
        return f"reference check by {self.model.name}"

    @property
    def templates(self) -> Mapping[str, str]:
        return {"reference": self._text("$question", "$reference", "$answer", ""), "reminder": _FORM.reminder}

    async def judge(self, prompt: Prompt, answers: Sequence[str], *, seed: int) -> list[Judgement]:
        """See `Judge.judge`. `detail["asked"]` has `value`, `same` and `reason` of each repeat.

        Raises ConfigError for a prompt that has neither a reference nor an answer.
        """
        asked, reference = question(prompt), reference_of(prompt)

        async def about(answer: str, repeat: int) -> dict[str, Any]:
            sampling = self.settings.sampling(number(seed, "reference", prompt.id, repeat), _FORM.schema)
            text = self._text(asked, reference, answer, mark([asked, reference, answer]))
            reply = await ask(self.model, [Message("user", text)], sampling, _read, _FORM.reminder)
            return {"repeat": repeat, **(missing(reply) if reply.value is None else reply.value)}

        return await judge_each(answers, self.settings.repeats, about)

    def _text(self, question: str, reference: str, answer: str, mark: str) -> str:
        return _TEXT.format(
            question=tagged("question", question, mark),
            reference=tagged("reference", reference, mark),
            answer=tagged("answer", answer, mark),
            data=DATA,
            instructions=self.settings.paragraph,
            request=_FORM.request,
        )


def reference_of(prompt: Prompt) -> str:
    """What answers to this prompt are compared with. ConfigError, with the prompt's place, if it has nothing."""
    for text in (prompt.reference, prompt.answer):
        if text is not None and text.strip():
            return text
    raise ConfigError(
        f"{prompt.place or 'prompts'}: prompt {prompt.id} has neither a reference nor an answer to compare with; add "
        "one, or use another kind of judge"
    )


def _read(text: str) -> dict[str, Any]:
    said = object_in(text)
    same = choice(said, "same", list(_VALUES))
    return {"value": _VALUES[same], "same": same, "reason": words(said, "reason")}
