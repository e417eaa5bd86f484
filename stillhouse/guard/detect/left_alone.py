"""The p-values of accounts and groups that nothing was done about: most of a log, and honest if the reference holds."""

from collections.abc import Mapping

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.evidence.drift import Drift
from stillhouse.guard.link.group import KINDS
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["drifts"]

_VIEW = "either"
_LEAST_GROUPS = 9
"""Of a reference, for a p-value of a tenth."""


def drifts(detector: Detector) -> Mapping[str, Drift]:
    """By `accounts`, and by each kind of group of which there are any. Groups share no accounts: overlapping ones
    would be one group counted many times."""
    reference = detector.reference
    values = reference.places["purpose"].values
    alone = [account for account in detector.population.accounts if account.index not in detector.actions]
    ranked = (conformal_log_p(reference.scale.standing(account.maxima()).value, values) for account in alone)
    found = {"accounts": Drift.of(ranked, len(values))}
    for kind in KINDS:
        used = set(detector.actions)
        log_ps = []
        for case in detector.cases.values():
            if case.group.kind == kind and case.looks and used.isdisjoint(case.group.accounts):
                lines = [line.log_p for line in case.looks[-1].lines if line.name == _VIEW]
                used.update(case.group.accounts)
                log_ps += lines
        groups = reference.groups[kind].groups
        if log_ps and groups >= _LEAST_GROUPS:
            found[kind] = Drift.of(log_ps, groups)
    return found
