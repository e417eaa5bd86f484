"""Whether a group may be a queue of work, with one account in twenty of another kind.

Little evidence for people is not yet evidence for a queue: a group that is half and half is neither, and its people
would be hit with it. So a group has to be consistent with a queue before more than a note is made of it.
"""

from scipy.special import bdtrc

from stillhouse.guard.evidence.persistence import Counted

__all__ = ["may_be_queue"]

_STRANGERS = 0.05
_REFUTED = 0.01


def may_be_queue(seen: Counted) -> bool:
    """Whether at least as many are persistent in one in a hundred queues of that kind."""
    # P(Binomial(n, strangers) >= k).
    return float(bdtrc(seen.persistent - 1, seen.accounts, _STRANGERS)) >= _REFUTED
