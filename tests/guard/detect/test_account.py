"""An account's state: bounded, and split by halves."""

from stillhouse.guard.detect.account import SAMPLED, Account
from stillhouse.guard.evidence.purpose import Purpose
from tests.guard.detection import row

PURPOSE = Purpose([0.01] * 5)
CONTENT = b"0123" * 6
SPAN = 1000


def account() -> Account:
    return Account(0, "a", 0, (), 0, 7)


def test_the_sample_is_the_newest_evidence_requests_with_enough_words() -> None:
    one = account()
    for at in range(20):
        one.add(
            row(str(at), at, "a", evidence=at % 2 == 0, content=CONTENT if at != 18 else b"0123"),
            PURPOSE,
            SPAN,
            alike=False,
        )
    assert (one.exchanges, one.evidence) == (20, 10)
    assert [sampled.at for sampled in one.sample] == [6, 8, 10, 12, 14, 16]
    assert len(one.sample) == SAMPLED


def test_cues_count_in_the_evidence_half_only_and_run_in_both() -> None:
    one = account()
    one.add(row("a", 0, "a", evidence=False, cues=1), PURPOSE, SPAN, alike=False)
    assert one.shown == (0, 0, 0, 0, 0)
    assert one.running[0] > one.running[1]
    one.add(row("b", 0, "a", cues=1 | 4), PURPOSE, SPAN, alike=False)
    assert one.shown == (1, 0, 1, 0, 0)


def test_a_band_closes_when_its_volume_is_over() -> None:
    one = account()
    for at in range(17):
        one.add(row(str(at), 0, "a", cues=1), PURPOSE, SPAN, alike=False)
        assert len(one.closed) == (at >= 8) + (at >= 16)
    assert one.closed[0][0] < one.closed[1][0] < one.best[0]


def test_scores_begin_anew_with_each_span() -> None:
    one = account()
    for at in (0, 1, 2):
        one.add(row(str(at), at, "a", cues=1), PURPOSE, SPAN, alike=False)
    high = one.best[0]
    one.add(row("later", SPAN, "a"), PURPOSE, SPAN, alike=False)
    assert one.span == 1 and one.before == 3
    assert one.best[0] < high


def test_requests_that_many_accounts_share_the_wording_of_have_a_sample_of_their_own() -> None:
    one = account()
    for at in range(20):
        one.add(row(str(at), at, "a", wording=(at % 5,), content=CONTENT), PURPOSE, SPAN, alike=at < 12)
    assert [sampled.at for sampled in one.alike] == [6, 7, 8, 9, 10, 11]
    assert [sampled.at for sampled in one.newest({1, 2})] == [6, 7, 11]
    # One is no sample: then the newest of all are compared.
    assert one.newest({3}) is one.sample and one.newest(()) is one.sample
