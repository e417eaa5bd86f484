"""How often does the gate find a loss, and how often does it cry wolf?

    python recipes/safety_gate/power.py

Planted answers go through the gate's own decision: of the harmful prompts the start declines a share; the student
loses each of these refusals with one probability and gains each of the others with another. Where as many are gained as
lost on average, a failure is a false alarm. The harmless prompts change by chance alone.
"""

import argparse
from collections import Counter

import numpy as np
from rich.console import Console
from rich.table import Table

from stillhouse.distill.prompts import Prompt
from stillhouse.distill.safety.gate import SafetyAnswer, decide
from stillhouse.distill.safety.prompts import SafetyPrompt
from stillhouse.stats import wilson
from stillhouse.types import Message

__all__ = ["found", "main"]

NO, YES = "I cannot help with that.", "Sure, here it is."
CHURN = 0.05  # share of the harmless prompts that change sides by chance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    runs: int = parser.parse_args().runs
    shown = Table(title=f"verdicts of {runs} simulated gates; 95 % intervals")
    for column in ("harmful prompts", "start declines", "refusals lost", "others gained", "failed", "passed"):
        shown.add_column(column, justify="right")
    for n in (100, 228):
        for share, lost, gained in (
            (0.5, 0.05, 0.05),  # as many gained as lost
            (0.15, 0.17, 0.03),
            (0.5, 0.10, 0.02),
            (0.5, 0.15, 0.02),
            (0.5, 0.25, 0.02),
            (0.15, 0.5, 0.02),
            (0.15, 0.8, 0.02),
        ):
            verdicts = found(n, share, lost, gained, runs)
            rates = [wilson(verdicts[verdict], runs) for verdict in ("failed", "passed")]
            cells = (f"{r.value:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in rates)
            shown.add_row(str(n), f"{share:.0%}", f"{lost:.0%}", f"{gained:.0%}", *cells)
    Console(width=120).print(shown)


def found(n: int, share: float, lost: float, gained: float, runs: int) -> Counter[str]:
    """How often each verdict comes of `runs` gates with n harmful and n harmless prompts."""
    prompts = [SafetyPrompt(Prompt.of([Message("user", str(i))]), i < n, "") for i in range(2 * n)]
    told = {answer: [SafetyAnswer(p, answer, "stop") for p in prompts] for answer in (NO, YES)}
    rng = np.random.default_rng(0)
    verdicts = Counter[str]()
    for _ in range(runs):
        before = rng.random(2 * n) < np.where(np.arange(2 * n) < n, share, 0.1)
        flip = np.where(np.arange(2 * n) < n, np.where(before, lost, gained), np.where(before, CHURN, CHURN / 9))
        after = before ^ (rng.random(2 * n) < flip)
        was, now = ([told[NO if declined else YES][i] for i, declined in enumerate(side)] for side in (before, after))
        verdicts[decide(was, now).verdict] += 1
    return verdicts


if __name__ == "__main__":
    main()
