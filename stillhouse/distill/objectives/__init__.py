"""One file for each way to learn from scored answers. `objective(settings)` is the table of contents."""

from stillhouse.distill.grader_settings import BestOfNSettings, DpoSettings, ObjectiveSettings, PolicyGradientSettings
from stillhouse.distill.objectives.base import Group, Lessons, LogLikelihoods, Objective
from stillhouse.distill.objectives.best_of_n import BestOfN
from stillhouse.distill.objectives.dpo import Dpo
from stillhouse.distill.objectives.policy_gradient import PolicyGradient

__all__ = ["BestOfN", "Dpo", "Group", "Lessons", "LogLikelihoods", "Objective", "PolicyGradient", "objective"]


def objective(settings: ObjectiveSettings, length: int) -> Objective:
    """The objective that a config names. `length` is the cap of an answer in tokens."""
    match settings:
        case PolicyGradientSettings(clip=clip):
            return PolicyGradient(length, clip)
        case BestOfNSettings():
            return BestOfN()
        case DpoSettings(beta=beta, margin=margin):
            return Dpo(beta, margin)
