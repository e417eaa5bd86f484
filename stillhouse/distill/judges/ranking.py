"""The answers to one prompt compared with each other: all in one list, or two at a time.

A judge is more consistent about which of two answers is better than about a number for one, but it also favours places
in the list (Wang et al. 2023, arXiv 2305.17926; Zheng et al. 2023, arXiv 2306.05685, section 3.3). So nothing is ever
asked in one order only: each comparison is shown in a random order and in its reverse, which gives every answer the
same mean place and cancels any preference that is linear in the place. A score rests on whole sets of both orders
(`win_share`); what was shown and said stays in the detail, from which the preference is measured (`reliability`).

A list of n answers in one call is what listwise rerankers ask for (Sun et al. 2023, "RankGPT", arXiv 2304.09542).
"""

import itertools
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from stillhouse.distill.judges.ask import ask, together
from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.chance import number, shuffled
from stillhouse.distill.judges.form import Form
from stillhouse.distill.judges.parse import choice, object_in, ranking, words
from stillhouse.distill.judges.settings import RankingSettings
from stillhouse.distill.judges.shown import DATA, mark, question, tagged
from stillhouse.distill.judges.single import first_places, judgement, missing, spread
from stillhouse.distill.judges.win_share import win_share
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ConfigError
from stillhouse.types import Message, Sampler

__all__ = ["RankingJudge"]

_TIE = "tie"
_ENUMERATED = 5  # 120 orders of 5 fit into a schema, 720 of 6 do not
_PAIR = """\
Compare two answers to a question.

{question}

{answers}

{data}

Which answer is better? The place of an answer and its length say nothing about it.
{instructions}
{request}"""
_LIST = """\
Rank {n} answers to a question.

{question}

{answers}

{data}

Order the answers from best to worst. The place of an answer and its length say nothing about it.
{instructions}
{request}"""


@dataclass(frozen=True, slots=True)
class RankingJudge:
    """Asks `model` 2 x `repeats` times for each list or pair; a score is a share of wins."""

    settings: RankingSettings
    model: Sampler
    scoring: ClassVar[str] = "share of all other answers beaten, ties and copies one half"

    @property
    def name(self) -> str:
        return f"ranking of {'pairs' if self.settings.compare == 'pairs' else 'lists'} by {self.model.name}"

    @property
    def templates(self) -> Mapping[str, str]:
        pair, three = self._form(2), self._form(3)
        return {
            "pair": self._text("$question", ["$answer"] * 2, ""),
            "pair reminder": pair.reminder,
            "list of 3": self._text("$question", ["$answer"] * 3, ""),
            "list of 3 reminder": three.reminder,
        }

    async def judge(self, prompt: Prompt, answers: Sequence[str], *, seed: int) -> list[Judgement]:
        """See `Judge.judge`. `detail["asked"]` has, for each time that the answer was shown: `order` (places of the
        answers in `answers`, as shown), `position` of this one in it, `repeat`, `reason`, and `value`: 1 for best of
        those shown, 0 for worst, evenly between; ties share the mean.

        The score is the share of the other answers that this one beats (`win_share`): copies are shown once and count
        as often as they were given. Answers that are all the same get 1/2 each and are not asked about. ConfigError for
        fewer than 2 answers, and for a list of more than 26.
        """
        if len(answers) < 2:
            raise ConfigError(
                f"prompt {prompt.id} has {len(answers)} answer to rank; sample at least 2 for each prompt, or use a "
                "judge of kind rubric"
            )
        distinct = first_places(answers)
        if len(distinct) == 1:
            return spread(answers, {0: Judgement(score=0.5, detail={"asked": []})})
        orders = [
            (repeat, order)
            for repeat in range(self.settings.repeats)
            for shown in self._comparisons(distinct, seed, prompt.id)
            for forward in [shuffled(shown, seed, "order", prompt.id, repeat, *shown)]
            for order in (forward, forward[::-1])
        ]
        replies = await together(self._ask(prompt, answers, order, repeat, seed) for repeat, order in orders)
        copies = {i: answers.count(answers[i]) for i in distinct}
        return spread(answers, {i: judgement(_asked(i, replies), win_share(i, replies, copies)) for i in distinct})

    def _comparisons(self, distinct: list[int], seed: int, about: str) -> list[list[int]]:
        """The sets of answers that are shown together."""
        n, rounds = len(distinct), self.settings.rounds
        if self.settings.compare == "list" and n > 2:
            if n > len(string.ascii_uppercase):
                raise ConfigError(f"prompt {about} has {n} answers, too many for one list; set compare: pairs")
            return [distinct]
        if rounds is None:
            return [list(pair) for pair in itertools.combinations(distinct, 2)]
        circle = shuffled(distinct, seed, "circle", about)
        met = {
            (min(pair), max(pair)): None
            for step in range(1, min(rounds, n // 2) + 1)
            for i in range(n)
            for pair in [(circle[i], circle[(i + step) % n])]
        }
        return [list(pair) for pair in met]

    async def _ask(
        self, prompt: Prompt, answers: Sequence[str], order: list[int], repeat: int, seed: int
    ) -> dict[str, Any]:
        """One asking: `order`, `repeat`, and `values` by position with the `reason`, or `missing`."""
        asked, shown = question(prompt), [answers[i] for i in order]
        form = self._form(len(order))
        sampling = self.settings.sampling(number(seed, "ranking", prompt.id, repeat, *order), form.schema)
        text = self._text(asked, shown, mark([asked, *shown]))

        def read(said: str) -> dict[str, Any]:
            return _pair(said, self.settings.ties) if len(order) == 2 else _list(said, len(order))

        reply = await ask(self.model, [Message("user", text)], sampling, read, form.reminder)
        return {"order": order, "repeat": repeat, **(missing(reply) if reply.value is None else reply.value)}

    def _form(self, n: int) -> Form:
        if n == 2:
            options = _options(self.settings.ties)
            return Form({"better": options}, {"better": " or ".join(f'"{option}"' for option in options)})
        orders = itertools.permutations(string.ascii_uppercase[:n]) if n <= _ENUMERATED else ()
        hint = f'"all {n} letters, best first, with > between"'
        return Form({"ranking": [" > ".join(order) for order in orders]}, {"ranking": hint})

    def _text(self, question: str, answers: Sequence[str], mark: str) -> str:
        n, form = len(answers), self._form(len(answers))
        letters = string.ascii_uppercase
        return (_PAIR if n == 2 else _LIST).format(
            n=n,
            question=tagged("question", question, mark),
            answers="\n\n".join(tagged(f"answer_{letters[i]}", answer, mark) for i, answer in enumerate(answers)),
            data=DATA,
            instructions=self.settings.paragraph,
            request=form.request,
        )


def _options(ties: bool) -> list[str]:
    return ["A", "B", _TIE] if ties else ["A", "B"]


def _pair(text: str, ties: bool) -> dict[str, Any]:
    """The values of both positions, out of the reply to a pair."""
    said = object_in(text)
    first = {"A": 1.0, "B": 0.0, _TIE: 0.5}[choice(said, "better", _options(ties))]
    return {"values": [first, 1 - first], "reason": words(said, "reason")}


def _list(text: str, n: int) -> dict[str, Any]:
    """The values of all positions, out of the reply to a list: 1 for the best, 0 for the worst."""
    said, letters = object_in(text), string.ascii_uppercase[:n]
    order = ranking(said, "ranking", letters)
    return {"values": [1 - order.index(letter) / (n - 1) for letter in letters], "reason": words(said, "reason")}


def _asked(answer: int, replies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All replies as they concern one answer."""
    return [_view(reply, reply["order"].index(answer)) for reply in replies if answer in reply["order"]]


def _view(reply: Mapping[str, Any], position: int) -> dict[str, Any]:
    """A reply as it concerns the answer that was shown at `position`."""
    view = {key: value for key, value in reply.items() if key != "values"} | {"position": position}
    return view | {"value": reply["values"][position]} if "values" in reply else view
