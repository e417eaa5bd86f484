"""Whether a person's word is about what is there: what he saw may have changed, and what he means may only wait."""

from collections.abc import Iterable, Sequence

from stillhouse.guard.access.entities import ACTIONS, Action, ActionInForce, Proposal
from stillhouse.guard.access.faults import ConflictError

__all__ = ["check_none_waits", "check_seen", "check_waits_seen"]


def check_seen(reviewed: Sequence[ActionInForce], seen: Action) -> None:
    """A word on one action must not end another that came in its place meanwhile."""
    for one in reviewed:
        if one.action != seen:
            place = f"account '{one.account}'"
            raise ConflictError(f"{place} is under '{one.action}', not '{seen}'; look at that, and review it")


def check_waits_seen(place: str, waiting: Iterable[Proposal], seen: Action) -> None:
    if waits := _waits(waiting):
        raise ConflictError(f"{place}: {waits} for a person, not '{seen}'; look at that, and review it")


def check_none_waits(place: str, waiting: Iterable[Proposal]) -> None:
    """What waits goes on waiting where nothing is ended, which whoever wants an end has to know."""
    if waits := _waits(waiting):
        raise ConflictError(
            f"{place}: nothing is in force to end, and {waits} for a person; reject that with "
            "`stillhouse guard action review`, its --action and --verdict rejected"
        )


def _waits(waiting: Iterable[Proposal]) -> str:
    """In words, the mildest first; empty where nothing does."""
    found = [f"'{action}'" for action in sorted({one.action for one in waiting}, key=ACTIONS.index)]
    return f"{' and '.join(found)} wait{'s' * (len(found) == 1)}" if found else ""
