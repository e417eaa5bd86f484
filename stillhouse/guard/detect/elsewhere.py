"""Whether people may be behind accounts: a relay's users go on with conversations that its other accounts began.

Told with each decision that it may be about, and not weighed: a campaign's accounts can carry innocent people's
requests (`features/continuity.py`), and whoever decides about them has to know.
"""

from collections.abc import Iterable

from stillhouse.guard.detect.account import Account
from stillhouse.guard.features.continuity import REMEMBERED, elsewhere

__all__ = ["people_behind"]

_TOLD = 0.1


def people_behind(accounts: Iterable[Account]) -> list[str]:
    """One line where more than a tenth of the requests that go on with a conversation carry an answer that their
    account was not given lately; otherwise none."""
    share = elsewhere(account.habits.continuity for account in accounts if account.habits is not None)
    if share is None or share <= _TOLD:
        return []
    return [
        f"of the requests that go on with a conversation {share:.0%} carry an answer that was not among the last "
        f"{REMEMBERED} given to their account: innocent people may be behind it, as behind a relay"
    ]
