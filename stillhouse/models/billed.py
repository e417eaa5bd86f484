"""Which tries an endpoint may have served and billed without saying so.

A request that went out whole may have been served, whatever became of its answer: it was lost on the way, it came too
late, it cannot be read, it is of no use. Two kinds of failure tell that nothing was served: those from before the
request was out (no connection, no tunnel, half a request), and those that the endpoint itself reports, by an error
status or by an answer that says that it failed. A gateway that stopped waiting reports only that.
"""

from stillhouse.models.connection import MALFORMED, RESET, STALL, UNUSABLE, status_kind

__all__ = ["may_be_billed"]

# 504: RFC 9110, section 15.6.5; 524 is the same from Cloudflare.
_OUTCOME_UNKNOWN = frozenset({RESET, STALL, MALFORMED, UNUSABLE, status_kind(504), status_kind(524)})


def may_be_billed(kind: str) -> bool:
    """Whether a try of this kind (empty: a good answer) may have cost something that it did not tell."""
    return not kind or kind in _OUTCOME_UNKNOWN
