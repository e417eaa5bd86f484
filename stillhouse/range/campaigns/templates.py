"""From a payload to the words that are sent: one template, a pool of them, or never the same twice.

Randomised wordings are numbered: request n takes the alternatives that are the digits of n in a mixed base (after a
step that has no factor in common with their number), so the first 160,000 are all worded differently, by
construction and not by luck.
"""

from math import gcd, prod

from stillhouse.range.campaigns.settings import Strategy
from stillhouse.range.campaigns.wordings import CLOSINGS, CORES, DETAILS, FORMATS, OPENINGS, TECHNIQUES
from stillhouse.range.seeds import seed_of

__all__ = ["WORDINGS", "worded"]

_ORDERS = 2


def _slots(objective: str) -> tuple[tuple[str, ...], ...]:
    return (OPENINGS, CORES[objective], DETAILS, FORMATS, CLOSINGS)


WORDINGS = {objective: prod(map(len, _slots(objective))) * _ORDERS for objective in CORES}
"""How many different wordings there are of each objective."""


def worded(objective: str, strategy: Strategy, name: str, number: int, payload: str, exploring: bool) -> str:
    """The text of request `number` of the campaign `name`; exploring requests try one technique after the other."""
    if exploring:
        technique = TECHNIQUES[number % len(TECHNIQUES)]
        return _laid_out(objective, number // len(TECHNIQUES) + seed_of(name) % 1000, payload, technique)
    match strategy.wording:
        case "fixed":
            return f"{CORES[objective][0]}\n\n{payload}" if CORES[objective][0] else payload
        case "paraphrase_pool":
            return _laid_out(objective, seed_of(name, number) % strategy.paraphrases + seed_of(name) % 1000, payload)
        case "randomised":
            return _laid_out(objective, number + seed_of(name) % 1000, payload)


def _laid_out(objective: str, number: int, payload: str, core: str | None = None) -> str:
    total = WORDINGS[objective]
    step = next(step for step in range(int(total * 0.382), total) if gcd(step, total) == 1)
    digits, rest = [], number * step % total
    for slot in _slots(objective):
        rest, digit = divmod(rest, len(slot))
        digits.append(slot[digit])
    opening, drawn, detail, form, closing = digits
    demand = f"{opening}{drawn if core is None else core} {detail} {form}".strip()
    parts = [payload, demand, closing] if rest else [demand, payload, closing]
    return "\n\n".join(part for part in parts if part)
