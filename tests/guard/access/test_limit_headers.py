"""Durations as OpenAI's clients read them."""

import pytest

from stillhouse.guard.access.limit_headers import Standing, duration, limit_headers


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.2, "1s"), (59, "59s"), (59.5, "1m0s"), (360, "6m0s"), (3600, "1h0m0s"), (86399.1, "24h0m0s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_has_no_limit_is_not_told_and_nothing_left_is_zero() -> None:
    assert limit_headers("openai", None, None) == []
    assert limit_headers("anthropic", None, Standing(10, -3.5, 0.0, 59.2)) == [
        (b"anthropic-ratelimit-tokens-limit", b"10"),
        (b"anthropic-ratelimit-tokens-remaining", b"0"),
        (b"anthropic-ratelimit-tokens-reset", b"1970-01-01T00:01:00Z"),
    ]
