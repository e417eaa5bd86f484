"""Bands and spans by hand."""

import math

import pytest

from stillhouse.guard.evidence.horizons import BANDS, band_of, log_share


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
