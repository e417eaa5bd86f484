"""An account's state: bounded, and split by halves."""

import pickle
import random
from array import array

import numpy as np
import pytest

from stillhouse.guard.detect.account import SAMPLED, TOKENS_KEPT, Account
from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.features.content import content
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.features.words import BUCKETS
from tests.guard.detection import MINUTE, row

CONTENT = b"0123" * 6
WORDS = content([f"word{number}" for number in range(8)], np.ones(BUCKETS, np.float32))
SPAN = 1000
DAY = 24 * 60 * MINUTE


def account() -> Account:
    return Account(0, "a", 0, (), 0, 7)


def test_the_sample_is_the_newest_evidence_requests_with_enough_words() -> None:
    one = account()
    for at in range(20):
        one.add(row(str(at), at, "a", evidence=at % 2 == 0, content=CONTENT if at != 18 else b"0123"), SPAN)
    assert (one.exchanges, one.evidence) == (20, 10)
    assert [sampled.at for sampled in one.sample] == [6, 8, 10, 12, 14, 16]
    assert len(one.sample) == SAMPLED


def test_cues_count_in_the_evidence_half_only_and_run_in_both() -> None:
    one = account()
    one.add(row("a", 0, "a", evidence=False, cues=1), SPAN)
    assert one.shown == (0, 0, 0, 0, 0)
    assert one.running[0] > one.running[1]
    one.add(row("b", 0, "a", cues=1 | 4), SPAN)
    assert one.shown == (1, 0, 1, 0, 0)


def test_a_band_closes_when_its_volume_is_over() -> None:
    one = account()
    for at in range(17):
        one.add(row(str(at), 0, "a", cues=1), SPAN)
        assert len(one.maxima()) == 1 + (at >= 8) + (at >= 16)
    first, second, newest = (of_cues[0] for of_cues in one.maxima())
    assert first < second < newest == one.best[0]


def test_scores_begin_anew_with_each_span() -> None:
    one = account()
    for at in (0, 1, 2):
        assert not one.add(row(str(at), at, "a", cues=1), SPAN)
    high = one.best[0]
    assert one.add(row("later", SPAN, "a"), SPAN)
    assert one.span == 1 and one.before == 3
    assert one.best[0] < high


def test_requests_that_many_accounts_share_the_wording_of_have_a_sample_of_their_own() -> None:
    one = account()
    for at in range(20):
        one.add(row(str(at), at, "a", wording=(at % 5,), content=CONTENT), SPAN, alike=at < 12)
    assert [sampled.at for sampled in one.alike] == [6, 7, 8, 9, 10, 11]
    assert [sampled.at for sampled in one.newest({1, 2})] == [6, 7, 11]
    # One is no sample: then the newest of all are compared.
    assert one.newest({3}) is one.sample and one.newest(set()) is one.sample


def test_closings_of_days_wait_and_those_of_an_old_span_do_not() -> None:
    one = account()
    for at in range(40):
        one.add(row(str(at), at * MINUTE, "a", manner=Manner("pro")), 2 * DAY)
    assert [closing.requests for closing in one.closings] == [32] and one.plan == "pro"
    one.add(row("next day", DAY, "a"), 2 * DAY)
    assert [closing.requests for closing in one.closings] == [32, 40]
    one.add(row("next span", 2 * DAY, "a"), 2 * DAY)
    assert one.closings == []


def test_what_is_told_of_its_habits_comes_with_its_16th_exchange() -> None:
    one = account()
    for at in range(15):
        one.add(row(str(at), at, "a"), DAY)
    assert one.facts() == {}
    for at in range(15, 20):
        one.add(row(str(at), at, "a", content=WORDS, evidence=at < 18), DAY)
    facts = one.facts()
    assert facts["requests"] == 2 and facts["outside_conversations"] == 1.0
    assert facts["subjects"] == pytest.approx(1.0)


def test_it_stays_below_four_kilobytes_whatever_it_asks() -> None:
    """20,000 requests of everything that may be different: cues, wordings, origins, programs, answers, plans, whole
    contents. As bytes: it is a value that is kept and sent. Closings wait for the end of a tick only."""
    rng = random.Random(0)
    one = account()
    for number in range(20_000):
        kinds = (Kind.SYSTEM, Kind.WORDING, Kind.OPENING, Kind.ENDING, *[Kind.NEAR] * 6)
        wording = tuple(token(kind, rng.getrandbits(56)) for kind in kinds)
        origin = (token(Kind.ADDRESS, rng.getrandbits(56)), token(Kind.NETWORK, rng.getrandbits(56)))
        manner = Manner("p", rng.getrandbits(32), rng.getrandbits(32), True, rng.randrange(8), rng.randrange(32))
        evidence = bool(rng.getrandbits(1))
        newest = rng.randbytes(192) if evidence else b""
        one.add(
            row(
                str(number), number * MINUTE // 10, "a", evidence=evidence, wording=wording, origin=origin,
                client=token(Kind.CLIENT, rng.getrandbits(56)), content=newest, cues=rng.randrange(32), manner=manner,
            ),
            1 << 60,
        )  # fmt: skip
        one.closings.clear()
    one.linked = array("Q", [rng.getrandbits(64) for _ in range(TOKENS_KEPT)])
    assert len(one.maxima()) <= BANDS
    assert len(pickle.dumps(one, pickle.HIGHEST_PROTOCOL)) < 4096
