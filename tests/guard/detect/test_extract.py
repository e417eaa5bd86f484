"""One exchange in, one row out."""

import numpy as np

from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.features.tokens import Kind, kind_of
from stillhouse.guard.features.words import BUCKETS
from tests.guard.detection import KEY, exchange

TIME = "2026-07-24T08:15:30.125Z"
IDF = np.ones(BUCKETS, np.float32)


def test_a_row_has_what_detection_needs_and_no_text() -> None:
    text = "Please summarise the quarterly report on turbine maintenance for the board"
    asked = exchange(
        "ex_1", TIME, "acct", text,
        organisation="org", client={"ip": "198.51.100.7", "user_agent": "python/3"}, registration={"payment": "tok"},
    )  # fmt: skip
    found = Extractor(KEY, IDF).row(asked, 17)
    assert (found.at, found.id, found.account) == (17, "ex_1", "acct")
    assert {kind_of(one) for one in found.origin} == {Kind.ORGANISATION, Kind.ADDRESS, Kind.NETWORK, Kind.PAYMENT}
    assert kind_of(found.client) is Kind.CLIENT
    assert {kind_of(one) for one in found.wording} == {Kind.WORDING, Kind.OPENING, Kind.ENDING, Kind.NEAR}
    assert "turbine" not in repr(found) and "198.51" not in repr(found)


def test_the_key_decides_the_half_and_only_evidence_has_content() -> None:
    extractor = Extractor(KEY, IDF)
    ids = [f"ex_{number}" for number in range(4000)]
    evidence = [extractor.is_evidence(id) for id in ids]
    assert abs(sum(evidence) - 2000) < 3 * 1000**0.5  # three standard errors of a fair coin
    assert evidence != [Extractor(b"other", IDF).is_evidence(id) for id in ids]
    for id, chosen in zip(ids[:50], evidence[:50], strict=True):
        found = extractor.row(exchange(id, TIME, "a", "one two three four five"), 0)
        assert found.evidence is chosen and bool(found.content) is chosen
