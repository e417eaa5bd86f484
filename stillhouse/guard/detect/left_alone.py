"""The p-values of accounts that nothing was done about: most of a log, and honest if the reference holds."""

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.evidence.drift import Drift
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["drift"]


def drift(detector: Detector) -> Drift:
    """By what they ask for. It goes over all accounts."""
    reference = detector.reference
    values = reference.places["purpose"].values
    alone = (account for account in detector.population.accounts if account.index not in detector.actions)
    ranked = (conformal_log_p(reference.scale.standing(account.maxima()).value, values) for account in alone)
    return Drift.of(ranked, len(values))
