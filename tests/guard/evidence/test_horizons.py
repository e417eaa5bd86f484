"""Bands, parts of the level and moments of looking by hand."""

import math

import pytest

from stillhouse.guard.evidence.horizons import BANDS, band_of, doublings, log_share, log_share_of_look


@pytest.mark.parametrize(
    ("requests", "band"),
    [(1, 0), (2, 0), (8, 0), (9, 1), (16, 1), (17, 2), (32, 2), (33, 3), (1 << 20, 17), ((1 << 20) + 1, 18)],
)
def test_bands_double(requests: int, band: int) -> None:
    assert band_of(requests) == band


def test_the_last_band_has_no_end() -> None:
    assert BANDS == 20
    assert band_of((1 << 21) + 1) == band_of(1 << 22) == band_of(10**12) == 19


def test_spans_share_the_whole_level() -> None:
    shares = [math.exp(log_share(span)) for span in range(10_000)]
    assert shares[:3] == pytest.approx([1 / 2, 1 / 6, 1 / 12])
    # 1 / ((k + 1) (k + 2)) telescopes to 1 - 1 / (n + 1).
    assert sum(shares) == pytest.approx(1 - 1 / 10_001)


@pytest.mark.parametrize(
    ("accounts", "times"), [(0, -1), (1, -1), (15, -1), (16, 0), (31, 0), (32, 1), (63, 1), (64, 2), (511, 4), (512, 5)]
)
def test_accounts_double_from_the_least_on(accounts: int, times: int) -> None:
    assert doublings(accounts, 16) == times


def test_looks_share_the_whole_level() -> None:
    shares = [math.exp(log_share_of_look(doubling)) for doubling in range(1000)]
    # Six have 0.15 each, from 16 accounts to 512; of the rest the first one has half.
    assert shares[: doublings(512, 16) + 1] == pytest.approx([0.15] * 6)
    assert shares[6:9] == pytest.approx([0.05, 0.1 / 6, 0.1 / 12])
    # Behind the 994th of these is a tenth of 1 / 995 of the level.
    assert sum(shares) + 0.1 / 995 == pytest.approx(1.0, abs=1e-12)
