"""Every kind of failure is sure to have cost nothing, or it is not."""

import pytest

from stillhouse.models.billed import may_be_billed


@pytest.mark.parametrize(
    "kind", ["", "connection reset", "stall", "malformed body", "unusable answer", "HTTP 504", "HTTP 524"]
)
def test_a_request_that_went_out_may_have_been_served(kind: str) -> None:
    assert may_be_billed(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "connection refused",
        "no connection in time",
        "host not found",
        "certificate not trusted",
        "request not sent",
        "quota used up",
        "failed answer",
        *(f"HTTP {status}" for status in (307, 400, 401, 403, 408, 429, 500, 502, 503, 529)),
    ],
)
def test_what_was_not_served_costs_nothing(kind: str) -> None:
    assert not may_be_billed(kind)
