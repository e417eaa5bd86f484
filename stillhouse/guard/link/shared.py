"""Which accounts showed which link token: a fixed table for tokens of one account, lists for those that several share.

Nearly all tokens are seen with one account only and never again. They wait in a table of fixed size in which the newest
overwrites the oldest of its place, so memory does not grow with exchanges; a token that a second account shows while it
waits becomes shared.
"""

from array import array
from collections.abc import Iterable

__all__ = ["SharedTokens"]


class SharedTokens:
    """`common` are tokens that are so frequent among honest accounts that they link nobody.

    `accounts[token]` has indexes of accounts in the order in which they showed it, `listings` how many in all.
    """

    def __init__(self, common: frozenset[int], slots: int = 1 << 21) -> None:
        if slots & (slots - 1):
            raise ValueError(f"{slots} slots; give a power of two")
        self.accounts: dict[int, dict[int, None]] = {}
        self.listings = 0
        self._common = common
        self._mask = slots - 1
        self._token = array("Q", bytes(8 * slots))
        self._owner = array("i", bytes(4 * slots))

    def is_shared(self, tokens: Iterable[int], least: int) -> bool:
        """Whether one of the tokens was shown by `least` accounts or more, and is not common."""
        listed = self.accounts
        return any(len(listed.get(token, ())) >= least for token in tokens)

    def add(self, account: int, tokens: Iterable[int]) -> list[tuple[int, int | None]]:
        """Note what an account showed that it is not yet listed under.

        (token, the account that showed it first if it became shared just now) for each token that now lists `account`.
        """
        found: list[tuple[int, int | None]] = []
        for token in tokens:
            if token in self._common:
                continue
            listed = self.accounts.get(token)
            if listed is not None:
                if account not in listed:
                    listed[account] = None
                    self.listings += 1
                    found.append((token, None))
                continue
            slot = (token ^ (token >> 29)) & self._mask
            if self._token[slot] == token:
                first = self._owner[slot]
                if first != account:
                    self.accounts[token] = {first: None, account: None}
                    self.listings += 2
                    found.append((token, first))
            else:
                self._token[slot] = token
                self._owner[slot] = account
        return found
