"""Accounts and what they share, folded from ordered rows: the one state of learning and of detection.

It grows with accounts and with what they share, not with exchanges. Nothing is decided here.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import chain

from stillhouse.guard.detect.account import TOKENS_KEPT, Account
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.tokens import hasher, kind_of
from stillhouse.guard.link.families import Families, Family
from stillhouse.guard.link.shared import SharedTokens

__all__ = ["LEAST_SHARED", "Population"]

LEAST_SHARED = 12
_GROWTH = 1.3


class Population:
    """`key` orders accounts, `common` are tokens that link nobody. Scores begin anew with every `span` microseconds
    since 1970.
    """

    def __init__(self, key: bytes, span: int, common: frozenset[int] = frozenset()) -> None:
        self._place = hasher(key)
        self.accounts: list[Account] = []
        self.shared = SharedTokens(common)
        self._span = span
        self.spans = 0
        """Of all accounts together, so far."""
        self._by_name: dict[str, Account] = {}

    def add(self, row: Row) -> tuple[Account, list[int]]:
        """Count a row that comes after all earlier ones: its account, and the shared tokens that it is newly listed
        under.

        Origin links by whatever request; client and wording, which say what is asked and how, only by the linking half.
        """
        account = self._by_name.get(row.account)
        if account is None:
            customer = tuple(token for token in row.origin if kind_of(token).is_open)
            place, span = self._place(row.account), row.at // self._span
            account = Account(len(self.accounts), row.account, place, customer, row.at, row.client, span=span)
            self.accounts.append(account)
            self._by_name[row.account] = account
            self._number(account)
        alike = row.evidence and self.shared.is_shared(row.wording, LEAST_SHARED)
        if account.add(row, self._span, alike):
            self._number(account)
        tokens = row.origin if row.evidence else (*row.origin, row.client, *row.wording)
        known = account.linked
        fresh = [token for token in tokens if token not in known]
        if not fresh:
            return account, []
        listed = []
        for token, first in self.shared.add(account.index, fresh):
            listed.append(token)
            _keep(known, token)
            if first is not None:
                _keep(self.accounts[first].linked, token)
        return account, listed

    def _number(self, account: Account) -> None:
        account.number = self.spans
        self.spans += 1

    def find(self, name: str) -> Account | None:
        return self._by_name.get(name)


def _keep(linked: "array[int]", token: int) -> None:
    """Note a token, and forget the oldest where there are too many: an account may be listed under it again."""
    linked.append(token)
    if len(linked) > TOKENS_KEPT:
        del linked[0]


class Grouping:
    """Families of shared tokens, kept up to date where a token has grown by three tenths."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._families = Families()
        self._placed: dict[int, int] = {}

    def place(self, tokens: Iterable[int]) -> list[Family]:
        """Tokens that new accounts were listed under; the families that these lead, by number, each once."""
        shared, accounts = self._population.shared.accounts, self._population.accounts
        touched: dict[int, Family] = {}
        for token in tokens:
            listed = shared[token]
            if len(listed) >= LEAST_SHARED and len(listed) >= _GROWTH * self._placed.get(token, 0):
                self._placed[token] = len(listed)
                others = Counter(chain.from_iterable([accounts[at].linked for at in listed]))
                del others[token]
                self._families.place(token, listed, others)
            family = self._families.of.get(token)
            if family is not None and family.leader == token:
                touched[family.number] = family
        return [touched[number] for number in sorted(touched)]

    def all(self) -> list[Family]:
        """Every family, by number."""
        found = {family.number: family for family in self._families.of.values()}
        return [found[number] for number in sorted(found)]
