"""A critique in plain words first, then a score drawn from it in a second call.

A judge that must write the form of a reply and think at the same time thinks worse (Tam et al. 2024, "Let Me Speak
Freely?", arXiv 2408.02442), and a score that follows a written critique agrees better with people than one without
(Ankner et al. 2024, "Critique-out-Loud Reward Models", arXiv 2408.11791; Kim et al. 2024, "Prometheus 2", arXiv
2405.01535). So the critique has no form at all, and only the second, short call has a schema. The critique is kept: it
says why, and a learner can be shown it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from stillhouse.distill.judges.ask import ask
from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.chance import number
from stillhouse.distill.judges.form import Form
from stillhouse.distill.judges.parse import Unreadable, integer, object_in
from stillhouse.distill.judges.settings import CritiqueSettings
from stillhouse.distill.judges.shown import DATA, mark, question, tagged
from stillhouse.distill.judges.single import judge_each, missing
from stillhouse.distill.prompts import Prompt
from stillhouse.types import Message, Sampler

__all__ = ["CritiqueJudge"]

_CRITIQUE = """\
Criticise an answer to a question.

{question}

{answer}

{data}
{instructions}
Say in a few sentences what is right and what is wrong with the answer: errors of fact or reasoning first, then what is
missing, then how it is written. Give no score yet."""

_SCORE = """\
Now score the answer from {lowest} (worst) to {highest} (best), as your critique deserves.

{request}"""

_AGAIN = "Your reply was empty. Write the critique."


@dataclass(frozen=True, slots=True)
class CritiqueJudge:
    """Asks `model` twice for each distinct answer and repeat."""

    settings: CritiqueSettings
    model: Sampler
    scoring: ClassVar[str] = "place on the scale, mean over repeats"

    @property
    def name(self) -> str:
        return f"critique by {self.model.name}"

    @property
    def templates(self) -> Mapping[str, str]:
        return {
            "critique": self._text("$question", "$answer", ""),
            "critique again": _AGAIN,
            "score": self._score,
            "reminder": self._form.reminder,
        }

    async def judge(self, prompt: Prompt, answers: Sequence[str], *, seed: int) -> list[Judgement]:
        """See `Judge.judge`. `detail["asked"]` has `value`, `score` and `critique` of each repeat."""
        asked = question(prompt)

        async def about(answer: str, repeat: int) -> dict[str, Any]:
            sampling = self.settings.sampling(number(seed, "critique", prompt.id, repeat))
            turns = [Message("user", self._text(asked, answer, mark([asked, answer])))]
            critique = await ask(self.model, turns, sampling, _not_empty, _AGAIN)
            if critique.value is None:
                return {"repeat": repeat, **missing(critique)}
            turns += [Message("assistant", critique.value), Message("user", self._score)]
            formed = replace(sampling, schema=self._form.schema)
            score = await ask(self.model, turns, formed, self._read, self._form.reminder)
            kept = {"repeat": repeat, "critique": critique.value}
            if score.value is None:
                return {**kept, **missing(score)}
            return {**kept, "value": self.settings.scale.share(score.value), "score": score.value}

        return await judge_each(answers, self.settings.repeats, about)

    @property
    def _form(self) -> Form:
        scale = self.settings.scale
        hint = f"whole number from {scale.lowest} to {scale.highest}"
        return Form({"score": scale.numbers}, {"score": hint}, reason=False)

    @property
    def _score(self) -> str:
        scale = self.settings.scale
        return _SCORE.format(lowest=scale.lowest, highest=scale.highest, request=self._form.request)

    def _text(self, question: str, answer: str, mark: str) -> str:
        return _CRITIQUE.format(
            question=tagged("question", question, mark),
            answer=tagged("answer", answer, mark),
            data=DATA,
            instructions=self.settings.paragraph,
        )

    def _read(self, text: str) -> int:
        return integer(object_in(text), "score", self.settings.scale.lowest, self.settings.scale.highest)


def _not_empty(text: str) -> str:
    if not text.strip():
        raise Unreadable("the critique is empty")
    return text.strip()
