"""What a group is held to be, while it grows: by the look that tells most, and by how it is now."""

from stillhouse.guard.detect.case import Case, Judged
from stillhouse.guard.evidence.group import Look
from stillhouse.guard.evidence.line import Line
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.families import Family

RATES = (0.01,) * len(CUES)


def judged(
    persistent: int, parties: int, log_p: float, *, times: bool = True, shown: tuple[float, ...] = RATES
) -> Judged:
    counted = Counted(persistent, parties)
    look = Look(2, counted, counted if times else None, counted if times else None, shown, 1.0)
    names = ("either", "content", "times") if times else ("content",)
    facts = {"persistent": persistent, "parties": parties, "requests_each": 2}
    lines = tuple(Line(name, log_p, 1 / len(names), facts=facts) for name in names)
    return Judged(0, look, lines, 0.0, -log_p / 2)


def case(*looks: Judged) -> Case:
    return Case(Family(0, token(Kind.WORDING, 1), range(600), []), list(looks))


def test_who_joins_a_queue_later_is_judged_by_how_the_group_is_now() -> None:
    queue, crowd = judged(1, 64, -30.0), judged(380, 512, -0.1)
    assert case(queue).is_queue() and not case(queue, crowd).is_queue()
    # The evidence that was found stays, and a group that has become a queue again may be acted on again.
    assert case(queue, crowd).log_e >= case(queue).log_e
    assert case(queue, crowd, judged(2, 512, -3.0)).is_queue()


def test_the_newest_look_that_tells_anything_in_that_view_counts() -> None:
    grown = case(judged(1, 64, -30.0), judged(20, 128, -0.1, times=False))
    view, look = grown.deciding()
    assert view == "either" and look is grown.looks[0].look and grown.is_queue()
    assert case(Judged(0, judged(1, 64, -1.0).look, (), 0.0, -1.0)).deciding() == ("either", None)


def test_purpose_is_told_and_not_weighed() -> None:
    shown = (0.8, *RATES[1:])
    (said,) = [one for one in case(judged(1, 64, -30.0, shown=shown)).because(RATES) if one.startswith("purpose")]
    assert said == "purpose, not weighed: 80% of their requests show the cue reasoning, 1.0% of honest ones"
    assert not [one for one in case(judged(1, 64, -30.0)).because(RATES) if one.startswith("purpose")]
