"""Accounts by themselves: who is decided about, when, and with which words. A reference of 600 made by hand."""

import math

import numpy as np
import pytest

from stillhouse.guard.decide.decision import Taken
from stillhouse.guard.detect.account import Account
from stillhouse.guard.detect.alone import Alone
from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.detect.population import Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import Budgets
from stillhouse.guard.evidence.conduct import ConductScale
from stillhouse.guard.evidence.own import OWN_LINES, own_values
from stillhouse.guard.evidence.placing import Places
from stillhouse.guard.evidence.standing import Scale
from stillhouse.guard.features.cues import CUES, Cue
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.reference import Reference
from tests.guard.detection import KEY, MINUTE, row

DAY = 24 * 60 * MINUTE
PEOPLE = 600
RATES = (0.01,) * len(CUES)
NOBODY = Rarity(np.zeros(0, np.uint64), np.zeros(0, np.int64), PEOPLE)


def sittings(name: str, rng: np.random.Generator) -> list[Row]:
    """An honest account: three sittings of about twenty requests, of which one in a hundred shows a cue."""
    rows = []
    for sitting in range(3):
        now = sitting * DAY // 2 + int(rng.integers(DAY // 4))
        for _ in range(int(rng.integers(10, 40))):
            now += int(rng.exponential(MINUTE))
            cues = int(CUES[rng.integers(5)]) if rng.random() < 0.01 else 0
            rows.append(row(f"{name}{now}", now, name, cues=cues, manner=Manner("pro")))
    return rows


def queue(name: str, cues: int = Cue.REASONING, start: int = 0) -> list[Row]:
    """A request every six minutes for a day and a bit, all with the cue."""
    return [row(f"{name}{at}", start + at * 6 * MINUTE, name, cues=cues, manner=Manner("pro")) for at in range(250)]


def fed(rows: list[Row], span: int = 1 << 60) -> Population:
    population = Population(KEY, span)
    for one in rows:
        population.add(one)
    return population


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(0)
    accounts = fed([one for number in range(PEOPLE) for one in sittings(f"h{number}", rng)]).accounts
    scale = Scale.of([one.maxima() for one in accounts])
    conduct = ConductScale.of([(one.plan, one.closings) for one in accounts])
    values = [
        own_values(scale.standing(one.maxima(), member=True), conduct.largest("pro", one.closings, member=True))
        for one in accounts
    ]
    places = {name: Places.of(np.array([one[name] for one in values])) for name in OWN_LINES}
    return Reference(KEY, np.zeros(0, np.float32), RATES, NOBODY, scale, conduct, places, {}, 7 * DAY, {})


def end(rows: list[Row]) -> Row:
    return rows[-1]


def together(names: list[str]) -> tuple[list[Account], Row]:
    rows = [one for name in names for one in queue(name)]
    return fed(rows).accounts, end(rows)


def test_one_loud_account_is_not_enough_and_many_are(reference: Reference) -> None:
    """The first place among 600 is worth at most a few hundred; what it has to reach falls with how many reach it."""
    alone = Alone(reference, Budgets(), {})
    accounts, last = together(["q0"])
    assert alone.judge(accounts, last) == []
    (case,) = alone.cases.values()
    # Whoever is first with some cue in some band is as odd in purpose; no honest account is in conduct, or in both.
    assert [line.placed.rank for line in case.lines][1:] == [1, 1]
    assert 4 < case.log_e < alone.threshold(case, "observe")

    accounts, last = together([f"q{number}" for number in range(80)])
    taken: dict[int, Taken] = {}
    alone = Alone(reference, Budgets(), taken)
    assert alone.judge(accounts[:5], last) == []
    # The first five are decided about with the others, though nothing new is known of them.
    decisions = alone.judge(accounts[5:], last)
    assert [one.id for one in decisions] == [f"q{number}" for number in range(80)] and len(taken) == 80
    for one in decisions:
        assert one.kind == "account" and one.accounts == [one.id] and one.log_e >= -math.log(one.level) - 1e-9
        assert one.because[0].startswith("asks for reasoning as one in 601 honest accounts")
        assert "240 requests in a day over 24.0 hours, regularity +1.00" in one.because[1]
        assert "place 1 among 600 honest accounts" in one.because[2]
    assert alone.judge(accounts, last) == []


def test_honest_accounts_are_left_alone(reference: Reference) -> None:
    rng = np.random.default_rng(1)
    rows = [one for number in range(300) for one in sittings(f"n{number}", rng)]
    alone = Alone(reference, Budgets(), {})
    assert alone.judge(fed(rows).accounts, end(rows)) == []
    # The mean e-value of all of them is at most one.
    assert np.mean([math.exp(case.log_e) for case in alone.cases.values()]) < 1.0


def test_an_action_by_another_path_is_not_repeated(reference: Reference) -> None:
    accounts, last = together([f"q{number}" for number in range(80)])
    alone = Alone(reference, Budgets(), {3: Taken("suspend", 5)})
    assert "q3" not in [one.id for one in alone.judge(accounts, last)]


def test_another_span_is_another_hypothesis(reference: Reference) -> None:
    alone = Alone(reference, Budgets(), {})
    rows = queue("q")
    population = fed(rows, span=2 * DAY)
    alone.judge(population.accounts, end(rows))
    first = alone.cases[0]
    later = queue("q", cues=0, start=2 * DAY)[:40]
    for one in later:
        population.add(one)
    alone.judge(population.accounts, end(later))
    assert alone.cases[0].number == 1 and alone.cases[0].log_e < first.log_e
    assert alone.strongest[0] is first


def test_people_behind_an_account_are_named(reference: Reference) -> None:
    rows = [
        one._replace(manner=Manner("pro", given=number + 1, carried=10_000 + number))
        for number, one in enumerate(queue("q"))
    ]
    alone = Alone(reference, Budgets(observe=0.9), {})
    accounts, last = fed([one._replace(account=f"q{n}") for n in range(40) for one in rows]).accounts, end(rows)
    (decision, *_) = alone.judge(accounts, last)
    assert decision.because[-1].startswith(
        "of the requests that go on with a conversation 100% carry an answer that was not"
    )
