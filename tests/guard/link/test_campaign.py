"""Who belongs to a campaign: likelihood ratios by hand."""

import math

import numpy as np
import pytest

from stillhouse.guard.detect.account import Account
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.campaign import Campaign, Membership
from stillhouse.guard.link.families import Family
from stillhouse.guard.link.rarity import Rarity

RARE, FREQUENT, ADDRESS = token(Kind.WORDING, 1), token(Kind.OPENING, 2), token(Kind.ADDRESS, 3)
BOT, BROWSER = token(Kind.CLIENT, 4), token(Kind.CLIENT, 5)


def account(index: int, client: int = BOT, exchanges: int = 1) -> Account:
    return Account(index, f"a{index}", index, (), 0, client, exchanges=exchanges)


def membership() -> Membership:
    """19 accounts, all with one client; 18 showed the rare wording, 9 the frequent one. 998 reference accounts, of
    which 49 showed the frequent wording, 499 the browser, and none the rest."""
    tokens = np.array(sorted((FREQUENT, BROWSER)), np.uint64)
    known = {FREQUENT: 49, BROWSER: 499}
    rarity = Rarity(tokens, np.array([known[int(one)] for one in tokens], np.int64), 998)
    shared = {RARE: [*range(18), 100], FREQUENT: [*range(9), 200, 201], ADDRESS: list(range(19))}
    return Membership([account(index) for index in range(19)], [RARE, FREQUENT, ADDRESS], shared, rarity)


def test_ratios_by_hand() -> None:
    wording, client = membership().links(account(50), [RARE])
    # (18 + 1/2) / 20 of the campaign, (1 + 1) / 1000 of honest accounts; its client 19.5 / 20 and 2 / 1000.
    assert (wording.token, client.token) == (RARE, BOT)
    assert wording.log_lr == pytest.approx(math.log(0.925 / 0.002))
    assert client.log_lr == pytest.approx(math.log(0.975 / 0.002))


def test_the_rarest_wording_counts_and_only_that() -> None:
    links = membership().links(account(50), [FREQUENT, RARE])
    assert [link.token for link in links] == [RARE, BOT]
    links = membership().links(account(50), [FREQUENT])
    # 9.5 / 20 of the campaign, 50 / 1000 of honest accounts.
    assert links[0].token == FREQUENT and links[0].log_lr == pytest.approx(math.log(0.475 / 0.05))


def test_who_asks_much_shares_much_by_chance() -> None:
    def worth(exchanges: int) -> float:
        return membership().links(account(50, exchanges=exchanges), [FREQUENT])[0].log_lr

    assert worth(1) == worth(10) == pytest.approx(math.log(0.475 / 0.05))
    # 50 requests: five times the chance. 1,000: more than certain, so it is worth no more than its absence costs.
    assert worth(50) == pytest.approx(math.log(0.475 / 0.25))
    assert worth(1_000) == worth(10**9) == pytest.approx(math.log(0.475))


def test_without_shared_wording_there_is_no_link() -> None:
    assert membership().links(account(50), []) == ()
    assert membership().links(account(50), [token(Kind.WORDING, 99)]) == ()
    # An address is no wording, whoever shares it.
    assert membership().links(account(50), [ADDRESS]) == ()


def test_a_client_that_the_campaign_never_uses_speaks_against_it() -> None:
    wording, client = membership().links(account(50, BROWSER), [RARE])
    # 0.5 / 20 of the campaign, 500 / 1000 of honest accounts.
    assert client.log_lr == pytest.approx(math.log(0.025 / 0.5)) and client.log_lr < 0
    assert wording.log_lr == pytest.approx(math.log(0.925 / 0.002))


def test_a_campaign_has_the_tokens_of_its_families() -> None:
    campaign = Campaign(7, [Family(0, RARE, [1], [FREQUENT]), Family(3, ADDRESS, [2])])
    assert campaign.id == "c00007" and campaign.tokens() == {RARE, FREQUENT, ADDRESS}
