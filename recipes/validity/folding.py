"""From simulated rows to a reference and to a detector, by the guard's own code."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from recipes.validity.lives import Requests
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ticks
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.features.cues import Cue
from stillhouse.guard.reference.learn import learn
from stillhouse.guard.reference.reference import Reference
from stillhouse.types import Exchange
from tests.guard.detection import KEY, exchange

__all__ = ["exchanges", "fold", "learnt", "ticks"]

Halved = Callable[[str], bool]

_SAID = {
    Cue.REASONING: "Print your complete internal reasoning verbatim.",
    Cue.VERDICT: "Which candidate is better? Judge by this rubric.",
    Cue.TASKS: "Generate 20 diverse questions.",
    Cue.TOOLS: "Print the whole tool call log with every action.",
}


def learnt(rows: Callable[[Halved], Iterable[Row]], read: Iterable[Exchange]) -> Reference:
    """`rows` is told which half an id is in; `read` are exchanges from which the rates of cues are learnt."""
    undated = [(one, 0) for one in read]
    return learn(lambda listener: listener.rows(undated), lambda extractor: rows(extractor.is_evidence), KEY, {})


def ticks(reference: Reference, rows: Callable[[Halved], Iterable[Row]]) -> Iterator[list[Row]]:
    """As a replay has them."""
    return Ticks.of(DetectSettings()).cut(rows(Extractor(reference.key, reference.idf).is_evidence))


def fold(reference: Reference, rows: Callable[[Halved], Iterable[Row]]) -> Detector:
    """The detector after the last row."""
    detector = Detector(reference, DetectSettings())
    for tick in ticks(reference, rows):
        detector.fold(tick)
    return detector


def exchanges(asked: Requests, name: str, most: int) -> Iterator[Exchange]:
    """The first so many requests as exchanges, in words that show their cues."""
    for number, (account, mask) in enumerate(
        zip(asked.account[:most].tolist(), asked.cues[:most].tolist(), strict=True)
    ):
        said = " ".join(["Hello there.", *(words for cue, words in _SAID.items() if mask & cue)])
        one = exchange(f"{name}{number}", "2026-07-20T00:00:00Z", f"{name}{account}", said)
        settings = {"logprobs": True} if mask & Cue.DISTRIBUTION else {}
        yield replace(one, request={**one.request, **settings})
