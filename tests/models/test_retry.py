"""What passes, what never will, and how long to wait."""

from email.utils import formatdate
from random import Random

import pytest

from stillhouse.errors import EndpointError
from stillhouse.models.connection import Try
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.retry import backoff_bound, is_final_for_all, is_passing, pause, seconds_to_wait


@pytest.mark.parametrize(
    "kind", ["connection reset", "stall", "malformed body", "connection refused", "host not found", "request not sent"]
)
def test_what_happens_on_the_way_passes(kind: str) -> None:
    assert is_passing(kind) and not is_final_for_all(kind)


def test_every_status_has_its_fate() -> None:
    statuses = range(300, 600)
    passing = {status for status in statuses if is_passing(f"HTTP {status}")}
    final = {status for status in statuses if is_final_for_all(f"HTTP {status}")}
    assert passing == {408, 409, 425, 429, *range(500, 600)} - {501, 505}
    assert final == {*range(300, 400), 401, 402, 403, 404, 405, 501, 505}


@pytest.mark.parametrize("kind", ["certificate not trusted", "quota used up"])
def test_what_no_other_request_can_get_around_is_final(kind: str) -> None:
    assert is_final_for_all(kind) and not is_passing(kind)


def test_the_bound_doubles_up_to_the_longest_wait() -> None:
    assert [backoff_bound(attempt, 0.5, 3.0) for attempt in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("120", 120.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("Mon, 01 Jan 999999999999 00:00:00 GMT", 0.0),
        ("", 0.0),
        (formatdate(1000.0 + 45, usegmt=True), 45.0),
        (formatdate(1000.0 - 45, usegmt=True), 0.0),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    assert seconds_to_wait(header, now=1000.0) == seconds


def test_a_pause_is_what_is_asked_and_a_share_of_the_bound() -> None:
    settings, random = EndpointSettings(base_url="http://host/v1", backoff=0.5, longest_wait=60), Random(1)
    plain, asked = Try(kind="HTTP 503", status=503), Try(kind="HTTP 503", status=503, retry_after="60")
    found = [pause("there", settings, 2, plain, 0.0, random) for _ in range(2000)]
    assert 0 <= min(found) < 0.1 and 1.9 < max(found) < 2 and abs(sum(found) / 2000 - 1) < 0.05
    assert 60 <= pause("there", settings, 2, asked, 0.0, random) < 62
    with pytest.raises(EndpointError, match=r"^there: asks to wait 61 s, and longest_wait is 60 s"):
        pause("there", settings, 0, Try(kind="HTTP 503", status=503, retry_after="61"), 0.0, random)
