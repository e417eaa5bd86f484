"""What is asked, one unit of work after the other, never the same unit twice.

A queue that is balanced over accounts is drawn without replacement; where the corpus's own questions end, each comes
back with a further demand, another one each round, so that even a small corpus makes a long queue without a repeated
payload.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from stillhouse.range.campaigns.settings import Objective
from stillhouse.range.corpus import Corpus
from stillhouse.range.seeds import shuffled
from stillhouse.range.world import World

__all__ = ["Payloads", "Unit", "payloads_of"]

_DEMANDS = (
    "Add a worked example.", "Assume that the reader is a beginner.", "Also say what could go wrong.",
    "Compare two ways of doing it.", "Answer for a small company.", "Limit yourself to what can be checked.",
    "Include a counterexample.", "Write it for a newspaper.", "Use a table if one helps.", "State what you assume.",
    "Generalise the result.", "Make it twice as difficult, then solve that.",
)  # fmt: skip
_RUBRIC = "Rubric: correctness (0-4), completeness (0-3), clarity (0-3)."
_FIELDS = (
    "sales", "visitors", "returns", "complaints", "page views", "rainfall", "bed days", "deliveries", "tickets",
    "energy use",
)  # fmt: skip
_GROUPS = ("region", "month", "branch", "age group", "product line", "weekday", "supplier", "channel")
_QUESTIONS = (
    "Which difference is more than noise?",
    "What explains the outlier?",
    "Is there a trend once the season is taken out?",
    "Which group should be looked at first, and why?",
    "What would you expect next, and how sure are you?",
)


class Unit(NamedTuple):
    """One unit of work: its payload, an answer that fits it (may be empty), and its place in the corpus."""

    payload: str
    answer: str = ""
    place: int = 0


class Payloads:
    """A queue: `unit(n)` is its n-th unit of work, every one different. `base` is what it begins with."""

    def __init__(self, base: Sequence[Unit]) -> None:
        self.base = base

    def unit(self, number: int) -> Unit:
        """The unit of that number."""
        rounds, place = divmod(number, len(self.base))
        unit = self.base[place]
        return unit._replace(payload=f"{unit.payload}\n{_further(rounds - 1)}") if rounds else unit


def payloads_of(world: World, objective: Objective, name: str, wanted: int) -> Payloads:
    """The queue of the campaign `name`, in an order of its own; `wanted` units of it will be asked."""
    rng, corpus = world.draws("payloads", name), world.corpus
    match objective:
        case "instructions":
            units = [Unit(f"{task.instruction}\n{task.input}".strip(), task.output) for task in corpus.instructions]
        case "reasoning":
            units = _problems(corpus)
        case "grading":
            units = _comparisons(corpus, rng)
        case "tool_traces":
            units = [Unit(session.task, "", place) for place, session in enumerate(corpus.agentic)]
        case "logprobs":
            texts = [talk.turns[0][0].split() for talk in corpus.conversations]
            units = [Unit(" ".join(words[:12]), "the") for words in texts if len(words) > 3]
        case "analyst":
            units = [_table(rng, number) for number in range(wanted)]
    first = {unit.payload: unit for unit in reversed(units)}
    return Payloads(shuffled(list(first.values()), world.seed, "queue", name))


def _further(number: int) -> str:
    """The further demand of that number: one, then two, then two with a count."""
    several, first = divmod(number, len(_DEMANDS))
    if not several:
        return _DEMANDS[first]
    counted, second = divmod(several - 1, len(_DEMANDS))
    return f"{_DEMANDS[first]} {_DEMANDS[second]}" + (f" Give {counted + 1} variants." if counted else "")


def _problems(corpus: Corpus) -> list[Unit]:
    """Training parts of benchmarks where there are some, else all of them: what people distil reasoning from."""
    named = sorted(corpus.benchmarks.items())
    parts = [items for name, items in named if name.endswith("_train")] or [items for _, items in named]
    return [Unit(item.question, item.answer) for items in parts for item in items]


def _comparisons(corpus: Corpus, rng: Random) -> list[Unit]:
    """Two answers to each instruction, one of which may be its own."""
    answers = [task.output for task in corpus.instructions if task.output]
    answers = answers or [talk.turns[0][1] for talk in corpus.conversations if talk.turns[0][1]] or ["I do not know."]
    units = []
    for task in corpus.instructions:
        question = f"{task.instruction}\n{task.input}".strip()
        pair = f"Response A: {rng.choice(answers)}\n\nResponse B: {task.output or rng.choice(answers)}"
        units.append(Unit(f"{_RUBRIC}\n\nQuestion: {question}\n\n{pair}", f"A: {rng.randint(2, 6)}/10, B: 8/10."))
    return units


def _table(rng: Random, number: int) -> Unit:
    """A small table of invented figures with a question."""
    field, group = rng.choice(_FIELDS), rng.choice(_GROUPS)
    rows = [
        f"{group} {row}, {rng.randint(100, 9999)}, {rng.random() * 40 - 20:.1f} %"
        for row in range(1, rng.randint(6, 13))
    ]
    head = f"Data set {number + 1}: {field} by {group} (name, count, change)"
    return Unit("\n".join([head, *rows, "", rng.choice(_QUESTIONS)]), "The change is within what chance gives.")
