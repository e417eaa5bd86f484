"""Does the error control of detection hold, and where not? `python -m recipes.validity.run --out runs/validity`

Simulates honest accounts and honest groups, whose e-values may exceed 1 / alpha no more often than alpha, and budgets,
whose share of false discoveries may not exceed their level. Exit 0 if all of that holds wherever what it rests on is
true; where it is not, the table says by how much it fails. 1 if not.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.result import Result
from recipes.validity.accounts import hypotheses, reference_of
from recipes.validity.exceeding import ALPHAS, Exceeding, Mean, exceeding
from recipes.validity.groups import detected
from recipes.validity.lives import DAY, KINDS, live
from recipes.validity.looks import PEOPLE, simulated
from recipes.validity.plot import plot
from recipes.validity.spending import spent

PLAN = {12: (30, 150), 30: (18, 250), 60: (11, 400), 200: (6, 750)}
"""For each number of reference groups: references, and new groups that each judges."""
END_TO_END = ("normal, spread 1", "two kinds of people, mixed in each group", "5 % of the groups nearly queues")
_REFERENCE_GROUPS, _NEW_GROUPS = 60, 150
_EVALUATION = KINDS[3]
_SPAN = 7 * DAY
_SUBJECTS, _GUILTY = 300, 0.05
_PLOTTED = 30
"""Curves of groups are those of references of so many groups."""


class Findings:
    """What is printed, written and plotted, and whether all that was promised holds."""

    def __init__(self) -> None:
        self.say = Result()
        self.records: list[dict[str, Any]] = []
        self.curves: dict[str, NDArray[np.float64]] = {}
        self.holds = True

    def add(self, what: str, found: Sequence[Exceeding], *, promised: bool, **more: Any) -> None:
        """What is promised must not exceed alpha by more than chance."""
        self.holds &= not promised or not any(one.is_broken for one in found)
        self.records.append({"what": what, "promised": promised, **more, "found": [one.as_record() for one in found]})

    def line(self, what: str, log_es: NDArray[np.float64], *, promised: bool) -> None:
        """The mean of e-values must not exceed one by more than chance."""
        found, mean = exceeding(log_es), Mean.of(log_es)
        self.holds &= not promised or not mean.is_broken
        self.add(what, found, promised=promised, mean_e=mean.mean)
        self._tell(what, found, str(mean))

    def ranks(self, what: str, log_ps: NDArray[np.float64], ranked_among: int) -> None:
        """P-values that are ranks among so many, as long as a rank is not below alpha anyway; promised."""
        found = exceeding(-log_ps, ranked_among=ranked_among)
        self.add(what, found, promised=True)
        self._tell(what, found, "")

    def _tell(self, what: str, found: Sequence[Exceeding], more: str) -> None:
        cells = "  ".join(f"{one!s}{'!' if one.is_broken else ' '}" for one in found)
        self.say(f"{what:56} {found[0].subjects:7,}  {cells} {more}")


def accounts(rng: np.random.Generator, findings: Findings, reference_accounts: int, new_accounts: int) -> None:
    findings.say(
        "accounts: share whose e-value ever reached 1 / alpha, with its exact 95 % interval, and the mean e-value"
    )
    findings.say(f"{'':66}{''.join(f'alpha {alpha:<23}' for alpha in ALPHAS)}mean e")
    reference = reference_of(rng, live(rng, reference_accounts, 1.0, _SPAN, KINDS), _SPAN)
    for spans in (1.0, 6.0):
        found = hypotheses(reference, live(rng, round(new_accounts * (1 + spans) / (2 * spans)), spans, _SPAN, KINDS))
        findings.line(f"all, log of {spans:g} times the reference's length", found.log_e, promised=True)
        findings.ranks("  their p-values of the line `both`", found.log_p, reference.rarity.accounts)
        findings.line("  those that asked enough to be judged", found.log_e[np.isfinite(found.log_e)], promised=False)
        if spans == 1.0:
            findings.curves["accounts"] = found.log_e
    others = tuple(kind for kind in KINDS if kind is not _EVALUATION)
    narrow = reference_of(rng, live(rng, reference_accounts // 3, 1.0, _SPAN, others), _SPAN)
    found = hypotheses(narrow, live(rng, new_accounts // 3, 1.0, _SPAN, KINDS))
    findings.line("5 % evaluators, of whom the reference has none", found.log_e, promised=False)


def groups(rng: np.random.Generator, findings: Findings) -> None:
    findings.say("groups, as looks, against references of so many groups: share in percent whose e-value ever reached")
    findings.say(
        "1 / alpha, the mean e-value, and share whose p-value of the line `either` was at most alpha in the end"
    )
    told = [*(f"e: {alpha}" for alpha in ALPHAS), "mean e", *(f"p: {alpha}" for alpha in ALPHAS)]
    findings.say(f"{'':48}{''.join(f'{one:29}' for one in told)}")
    findings.say(" " * 43 + len(told) * ("".join(f"{reference:7}" for reference in PLAN) + " "))
    for people in PEOPLE:
        columns: list[list[str]] = [[] for _ in told]
        for weighed in simulated(rng, people, PLAN):
            by_e, by_p = exceeding(weighed.log_e), exceeding(-weighed.log_p)
            mean = Mean.of(weighed.log_e)
            findings.holds &= not people.fits or not mean.is_broken
            findings.add(people.name, by_e, promised=people.fits, reference=weighed.reference, mean_e=mean.mean)
            findings.add(f"{people.name}, p", by_p, promised=people.fits, reference=weighed.reference)
            marked = [
                *((100 * one.share, one.is_broken) for one in by_e),
                (mean.mean, mean.is_broken),
                *((100 * one.share, one.is_broken) for one in by_p),
            ]
            for column, (value, broken) in zip(columns, marked, strict=True):
                column.append(f"{value:6.2f}{'!' if broken else ' '}")
            if weighed.reference == _PLOTTED:
                findings.curves[people.name] = weighed.log_e
        findings.say(f"{people.name:44}{' '.join(''.join(column) for column in columns)}")
    findings.say(f"groups, as rows through the detector, {_REFERENCE_GROUPS} in the reference: as for accounts")
    for people in PEOPLE:
        if people.name in END_TO_END:
            log_es = detected(rng, people, _REFERENCE_GROUPS, _NEW_GROUPS)
            findings.line(people.name, log_es, promised=people.fits)


def budgets(rng: np.random.Generator, findings: Findings, runs: int) -> list[dict[str, Any]]:
    findings.say("budgets: mean share of false discoveries, with its standard error, and share of campaigns found")
    records = []
    for honest in ("groups", "gamblers"):
        for guilty in (0.0, _GUILTY):
            for one in spent(rng, honest, runs, _SUBJECTS, guilty):
                findings.holds &= one.holds
                findings.say(
                    f"{honest:9} {guilty:4.0%} campaigns  level {one.level:<5g} {one.rate:.4f} +- {one.error:.4f}  "
                    f"found {one.found:.2f}"
                )
                records.append(one.as_record())
    return records


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=165_000, help="simulated new ones; three in five ask something")
    parser.add_argument("--reference", type=int, default=130_000, help="the same of the reference")
    parser.add_argument("--runs", type=int, default=400, help="runs of each budget")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for result.json and plot.svg")
    arguments = parser.parse_args()
    findings = Findings()
    rng = np.random.default_rng(arguments.seed)
    accounts(rng, findings, arguments.reference, arguments.accounts)
    groups(rng, findings)
    spending = budgets(rng, findings, arguments.runs)
    findings.say("! exceeds alpha by more than chance, or is no e-value")
    findings.say("what is promised holds" if findings.holds else "what is promised does NOT hold")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        plot(arguments.out / "plot.svg", findings.curves)
        figures = {"holds": findings.holds, "shares": findings.records, "budgets": spending}
        findings.say.write(arguments.out, figures | {"cpu_seconds": time.process_time()})
    return 0 if findings.holds else 1


if __name__ == "__main__":
    sys.exit(main())
