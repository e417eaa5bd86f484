"""One exchange in, one row out."""

import pickle
import time
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.features.template import MOST_TOKENS
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


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


HASHED = [{"text": None, "scaffold": f"s1:{at:016x}"} for at in range(50_000)]
LARGE: dict[str, dict[str, Any]] = {
    "hashes in the place of content": {"messages": [user(HASHED)]},
    "hashes in every place": {"messages": [{"role": "system", **one} for one in HASHED] + [user(HASHED)]},
    "hashes beside content": {"messages": [user([{**one, "text": "What?"} for one in HASHED])]},
    "one long hash": {"messages": [user(None, scaffold="s" * (2 << 20))]},
    "tools": {"messages": [user("Go on.")], "tools": [{"name": f"{at:032x}"} for at in range(40_000)]},
    "messages": {"messages": [user("Go on."), {"role": "assistant", "content": "Where to?"}] * 30_000},
    "instructions": {"messages": [{"role": "system", "content": f"Rule {at} is to go on."} for at in range(40_000)]},
    "settings": {"messages": [user("Go on.")], **{f"setting_{at}": at for at in range(80_000)}},
    "one long setting": {"messages": [user("Go on.")], "stop": "s" * (2 << 20)},
    "one long word": {"messages": [user("w" * (2 << 20))]},
    "words": {"messages": [user(" ".join(f"word{at}" for at in range(200_000)))]},
    "characters that become many": {"messages": [user("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * (1 << 19))]},
    "nested content": {"messages": [user(orjson.loads("[" * 1000 + "]" * 1000)) for _ in range(1000)]},
    "nested kinds": {"messages": [{"type": orjson.loads("[" * 1000 + "]" * 1000)}] * 1000},
}


@pytest.mark.parametrize("name", LARGE)
def test_no_body_makes_a_large_row_or_takes_long(name: str) -> None:
    """Bodies of some two megabytes. Reading one as JSON takes 10 ms, and a row of it may take ten times as long."""
    asked = exchange(
        "ex_1", TIME, "acct", "", client={"ip": "198.51.100.7", "user_agent": "agent " * 10_000}, status=400
    )
    extractor = Extractor(KEY, IDF)
    extractor.row(asked, 0)
    begun = time.process_time()
    found = extractor.row(replace(asked, request=LARGE[name]), 0)
    assert time.process_time() - begun < 1
    assert len(found.wording) <= MOST_TOKENS and len(pickle.dumps(tuple(found))) < 1024
