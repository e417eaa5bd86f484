"""What another gateway may ask this one: whether an account is served now."""

from collections.abc import Callable

from stillhouse.guard.access.directory import Directory
from stillhouse.guard.gateway.identity import refusal_by
from stillhouse.guard.refusal import Refusal

__all__ = ["DecisionGate"]


class DecisionGate:
    """Decides by what is in force against accounts, from memory."""

    def __init__(self, directory: Directory, clock: Callable[[], float], contact: Callable[[], str | None]) -> None:
        self._directory = directory
        self._clock = clock
        self._contact = contact

    def decide(self, account: str) -> Refusal | None:
        """Why a request of this account is not served; None if it is."""
        action = self._directory.action(account, self._clock())
        return None if action is None else refusal_by(action, self._contact())
