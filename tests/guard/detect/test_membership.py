"""Who belongs to a campaign: odds by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit

from stillhouse.guard.detect.account import Account, Sampled
from stillhouse.guard.detect.case import Case, Judged
from stillhouse.guard.detect.membership import Membership, log_odds
from stillhouse.guard.evidence.group import Look
from stillhouse.guard.evidence.line import Line
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.persistence import Counted, PersistenceNull
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.families import Family
from stillhouse.guard.link.rarity import Rarity

RARE, OTHER = token(Kind.WORDING, 1), token(Kind.NEAR, 2)
OPENING, ENDING, POPULAR = token(Kind.OPENING, 3), token(Kind.ENDING, 4), token(Kind.OPENING, 5)
BOT, BROWSER = token(Kind.CLIENT, 6), token(Kind.CLIENT, 7)
CORE, ALL = 20, 1000
SHARED = {
    RARE: [*range(20), 500],
    OTHER: list(range(10)),
    OPENING: list(range(8)),
    ENDING: list(range(6)),
    POPULAR: list(range(60)),
    BOT: list(range(20)),
}
NULL = GroupNull({("times", size): PersistenceNull(1.0, 0.5, 40) for size in (2, 3, 4, 6)}, 40)


def account(index: int, client: int = BOT, *wordings: int | tuple[int, ...], exchanges: int = 4) -> Account:
    one = Account(index, f"a{index}", index, (), 0, client, exchanges)
    one.sample = [
        Sampled(at, b"", (wording,) if isinstance(wording, int) else wording) for at, wording in enumerate(wordings)
    ]
    return one


def case(leader: int, tokens: list[int], persistent: int = 0) -> Case:
    look = Look(2, None, Counted(persistent, 20), None, (), 1.0)
    judged = Judged(0, look, (Line("times", -20.0, 0.2),), 0.0, 15.0)
    return Case(Family(0, leader, list(range(CORE)), tokens), [judged])


def _ends_of(index: int) -> tuple[int, ...]:
    return tuple(end for end in (OPENING, ENDING) if index in SHARED[end])


def membership(leader: int = RARE, *tokens: int, null: GroupNull = NULL) -> Membership:
    """20 accounts of one client, of whose 40 sampled requests all show the rare wording and some an opening or an
    ending too, among 1,000; of 100 others with a sampled request each, none shows it. In a reference of 998 accounts
    499 used the browser."""
    core = [account(index, BOT, RARE, (RARE, *_ends_of(index))) for index in range(CORE)]
    others = [account(index, BROWSER, token(Kind.WORDING, index)) for index in range(100, 200)]
    rarity = Rarity(np.array([BROWSER], np.uint64), np.array([499], np.int64), 998)
    cases = [case(leader, list(tokens or (OTHER, OPENING, ENDING, POPULAR)))]
    return Membership(cases, core, others, SHARED, ALL, {"wording": null}, rarity)


def test_odds_of_an_account_outside_by_hand() -> None:
    begin, client = membership().links(account(600), [RARE])
    # 20 of the campaign show it; elsewhere 2 of 1,000 in the reference, and today 2 of 982: the more of both.
    assert begin.token == RARE and begin.log_lr == pytest.approx(math.log(20 / (1000 * 2 / 982)))
    # 20 of 20 use the client, and one more as elsewhere, where 1 of 102 of today does.
    elsewhere = 1 / 102
    assert client.token == BOT and client.log_lr == pytest.approx(math.log((20 + elsewhere) / 21 / elsewhere))


def test_an_account_is_weighed_without_itself() -> None:
    begin, client = membership().links(account(3), [RARE])
    assert begin.log_lr == pytest.approx(math.log(19 / (1000 * 2 / 982)))
    assert client.log_lr == pytest.approx(math.log((19 + 1 / 102) / 20 * 102))
    # Alone with its client in the campaign: that is as likely as elsewhere, less one for everybody who has another.
    alone = membership().links(account(600, token(Kind.CLIENT, 99)), [RARE])[-1]
    assert alone.log_lr == pytest.approx(math.log(1 / 21))


def test_what_more_others_show_than_its_own_binds_nobody() -> None:
    found = membership()
    assert set(found.binding) == {RARE, OTHER, OPENING, ENDING}
    assert found.links(account(600), [POPULAR]) == () and found.links(account(600), []) == ()


def test_a_request_counts_once_and_its_two_ends_apart() -> None:
    found = membership()
    again = found.links(account(600, BOT, RARE, RARE, (RARE, OTHER)), [RARE])
    assert len(again) == 2  # whoever says a thing once says it again
    ends = found.links(account(600, BOT, (OPENING, ENDING), (OTHER,)), [RARE])
    assert [link.token for link in ends] == [RARE, OPENING, ENDING, OTHER, BOT]
    elsewhere = 2 / 1000
    assert ends[1].log_lr == pytest.approx(math.log((8 + elsewhere) / 21 / elsewhere))
    assert ends[2].log_lr == pytest.approx(math.log((6 + elsewhere) / 21 / elsewhere))
    # With the whole wording in common its ends are no further thing.
    whole = found.links(account(600, BOT, (RARE, ENDING)), [OTHER])
    assert [link.token for link in whole] == [OTHER, RARE, BOT]


def test_other_wording_speaks_against_it() -> None:
    _, silent, _ = membership().links(account(600, BOT, token(Kind.WORDING, 77)), [RARE])
    # All requests of the core show it, counted as 95 %; of 102 others with two of doubt one does.
    assert silent.log_lr == pytest.approx(math.log(0.05 / (1 - 1 / 102)))


def test_a_group_that_no_wording_binds() -> None:
    found = membership(BOT, RARE)
    within, client = found.links(account(3), [])
    # None of 20 parties stand out: at most a tenth do with nine tenths of confidence, of people expit(1).
    bound = 1 - 0.1 ** (1 / 20)
    strangers = max((bound - 0.01) / float(expit(1.0)), 1 / 21)
    assert within.log_lr == pytest.approx(math.log((1 - strangers) / strangers)) and within.token is None
    assert client.token == BOT
    assert found.links(account(600), []) == ()


def test_whether_it_is_recognisable() -> None:
    found, one = membership(), account(3, BOT, RARE, RARE)
    people, queue = float(expit(1.0)), 1 / 22
    assert found.recognised(one, True).log_lr == pytest.approx(math.log(queue / people))
    assert found.recognised(one, False).log_lr == pytest.approx(math.log((1 - queue) / (1 - people)))
    assert found.recognised(account(3, BOT, RARE), None).log_lr == 0.0
    assert found.most_by_view == pytest.approx(-math.log(1 - people))
    assert log_odds([found.recognised(one, True), found.recognised(one, False)]) < 0


def test_where_every_honest_account_is_recognisable_the_worth_of_none_is_finite() -> None:
    certain = GroupNull({("times", size): PersistenceNull(60.0, 0.5, 40) for size in (2, 3, 4, 6)}, 40)
    found = membership(null=certain)
    assert found.most_by_view == 60.0
    assert found.recognised(account(3, BOT, RARE, RARE), False).log_lr == pytest.approx(60.0 + math.log(21 / 22))
