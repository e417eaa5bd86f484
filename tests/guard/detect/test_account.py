"""An account's state: bounded, and split by halves."""

import gc
import pickle
import random
import tracemalloc
from array import array

import numpy as np
import pytest

from stillhouse.guard.detect.account import SAMPLED, TOKENS_KEPT, Account
from stillhouse.guard.detect.manner import Manner
from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.features.content import WORDS_KEPT, content
from stillhouse.guard.features.template import MOST_TOKENS
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


def asking_what_it_likes(requests: int) -> Account:
    """Everything different that may be: cues, as many tokens as a row has, origins, programs, answers, whole contents.

    Closings wait for the end of a tick only.
    """
    rng = random.Random(0)
    one = account()
    for number in range(requests):
        wording = tuple(token(Kind(rng.randint(1, Kind.NEAR)), rng.getrandbits(56)) for _ in range(MOST_TOKENS))
        origin = (token(Kind.ADDRESS, rng.getrandbits(56)), token(Kind.NETWORK, rng.getrandbits(56)))
        manner = Manner("p", rng.getrandbits(32), rng.getrandbits(32), True, rng.randrange(8), rng.randrange(32))
        evidence = bool(rng.getrandbits(1))
        newest = rng.randbytes(4 * WORDS_KEPT) if evidence else b""
        one.add(
            row(
                str(number), number * MINUTE // 10, "a", evidence=evidence, wording=wording, origin=origin,
                client=token(Kind.CLIENT, rng.getrandbits(56)), content=newest, cues=rng.randrange(32), manner=manner,
            ),
            1 << 60,
            alike=number < requests - 40,
        )  # fmt: skip
        one.closings.clear()
    one.linked = array("Q", [rng.getrandbits(64) for _ in range(TOKENS_KEPT)])
    return one


def test_its_size_is_bounded_whatever_it_asks() -> None:
    """The samples have no request in common, so they are as large as they can be."""
    asking_what_it_likes(100)  # whatever is made once and kept
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        one = asking_what_it_likes(1000)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(one.maxima()) <= BANDS and len(one.sample) == len(one.alike) == SAMPLED
    assert len(pickle.dumps(one, pickle.HIGHEST_PROTOCOL)) < 8 << 10
    assert taken < 12 << 10
