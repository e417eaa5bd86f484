"""Running scores of purpose: how much likelier an account's cues are at one request in twenty than at one in 200.

For each cue a Shiryaev-Roberts recursion, R <- (1 + R) * likelihood ratio, which forgets a long honest past because
it begins anew with every request (Pollak 1985; Tartakovsky, Nikiforov, Basseville, Sequential Analysis, 2014, section
6). It is a score only: what it is worth is its rank among honest accounts, because an odd and honest account is odd
every day, and no recursion over its requests could tell. So both rates are fixed and none is learnt: a score that had
looked at the reference's accounts would not treat a new account as it treats them.
"""

from array import array

from stillhouse.guard.features.cues import CUES

__all__ = ["begun", "update"]

_OFTEN, _SELDOM = 0.05, 0.005
_LARGEST = 1e250
_SHOWN = _OFTEN / _SELDOM
_FACTORS = tuple(
    tuple(_SHOWN if mask & cue else (1 - _OFTEN) / (1 - _SELDOM) for cue in CUES) for mask in range(1 << len(CUES))
)


def begun() -> "array[float]":
    """Scores of an account that has asked nothing yet, and their maxima."""
    return array("d", bytes(8 * len(CUES)))


def update(running: "array[float]", best: "array[float]", cues: int) -> None:
    """Advance `running` by one request, and its maxima over requests that show the cue, `best`; in place."""
    for at, factor in enumerate(_FACTORS[cues]):
        value = min((1.0 + running[at]) * factor, _LARGEST)
        running[at] = value
        # Without its cue R only drifts to where it rests.
        if factor > 1.0 and value > best[at]:
            best[at] = value
