"""What a reference needs, and what it must not see."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.evidence.own import OWN_LINES
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.learning import learn_reference
from stillhouse.records import ExchangeLog
from tests.guard.detection import KEY, exchange
from tests.guard.world import World


def test_too_little_traffic_is_refused_with_the_number_needed(world: World, tmp_path: Path) -> None:
    small = tmp_path / "small.jsonl"
    with ExchangeLog(small) as log:
        log.extend(one for number, one in enumerate(ExchangeLog(world.honest)) if number < 100)
    with pytest.raises(RecordError, match=r"has \d+ accounts; a reference needs 200 or more"):
        learn_reference([small], tmp_path / "out", DetectSettings(), KEY)
    assert not (tmp_path / "out").exists()


def test_every_honest_account_ranks_and_is_on_the_scale(world: World) -> None:
    reference, n = load(world.reference), world.learnt["accounts"]
    assert [len(reference.places[name].values) for name in OWN_LINES] == [n] * 3
    assert len(reference.scale.reached[0][0]) == n
    busy = len(reference.conduct.spread)
    assert 0 < busy < n and sum(map(len, reference.conduct.use.values())) == busy
    # Whoever is first on a scale, itself one of those that made it, has 1 / (n + 1) there.
    assert reference.places["purpose"].values[-1] <= np.log(n + 1) + 1e-9
    assert world.learnt["smallest_p"] == 1 / (n + 1)


@pytest.fixture(scope="module")
def begun(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the honest log: enough to learn from."""
    path = tmp_path_factory.mktemp("begun") / "begun.jsonl.zst"
    with ExchangeLog(path) as log:
        log.extend(islice(ExchangeLog(world.honest), 12_000))
    return path


@pytest.fixture(scope="module")
def learnt(begun: Path, world: World) -> dict[str, Any]:
    made = learn_reference([begun], begun.parent / "reference", world.settings, KEY)
    assert made["exchanges"] == 12_000 and made["accounts"] > 1000
    return made


def test_the_same_log_and_key_give_the_same_reference(
    begun: Path, learnt: dict[str, Any], world: World, tmp_path: Path
) -> None:
    again = learn_reference([begun], tmp_path / "again", world.settings, KEY)
    assert again["digest"] == learnt["digest"]
    other = learn_reference([begun], tmp_path / "other", world.settings, b"another key of 32 bytes, as it is")
    assert other["digest"] != again["digest"]


def test_who_is_left_out_has_to_be_there(world: World, tmp_path: Path) -> None:
    small = tmp_path / "small.jsonl"
    with ExchangeLog(small) as log:
        log.extend(one for number, one in enumerate(ExchangeLog(world.honest)) if number < 10)
    with pytest.raises(RecordError, match="account 'nobody' is to be left out and asks nothing in the log"):
        learn_reference([small], tmp_path / "out", DetectSettings(), KEY, without=["nobody"])
    assert not (tmp_path / "out").exists()


def test_a_log_that_holds_every_exchange_twice_teaches_what_it_does_once(
    begun: Path, learnt: dict[str, Any], world: World, tmp_path: Path
) -> None:
    """Twice in one file, one after the other, and again in a second file."""
    twice = tmp_path / "twice.jsonl.zst"
    with ExchangeLog(twice) as log:
        log.extend(one for one in ExchangeLog(begun) for _ in range(2))
    made = learn_reference([twice, begun], tmp_path / "out", world.settings, KEY)
    assert made["digest"] == learnt["digest"]
    assert made["duplicates"] == 2 * learnt["exchanges"] and learnt["duplicates"] == 0
    assert made["exchanges"] == learnt["exchanges"] and made["first_duplicate"] is not None
    about = load(tmp_path / "out").about
    assert (about["exchanges"], about["duplicates"]) == (made["exchanges"], made["duplicates"])


def test_a_span_of_decades_is_refused_with_the_exchanges_it_comes_from(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    times = ["1999-01-01T00:00:00Z", *("2026-07-20T00:00:00Z" for _ in range(250))]
    with ExchangeLog(log) as whole:
        whole.extend(exchange(f"x{number}", time, f"a{number}", "a b c d") for number, time in enumerate(times))
    with pytest.raises(
        RecordError, match=r"goes over 10,062 days, from 1999.*\(exchange x0\) to 2026-.*mend or remove"
    ):
        learn_reference([log], tmp_path / "out", DetectSettings(), KEY)
    assert not (tmp_path / "out").exists()


def test_a_log_that_is_not_in_the_order_of_time_is_refused(world: World, tmp_path: Path) -> None:
    with ExchangeLog(tmp_path / "log.jsonl") as log:
        log.extend(reversed(list(ExchangeLog(world.honest))))
    with pytest.raises(RecordError, match=r"exchanges are late, so they would count at a wrong time; .*sort each by"):
        learn_reference([tmp_path / "log.jsonl"], tmp_path / "out", DetectSettings(), KEY)
    assert load(world.reference).about["late"] == world.learnt["late"] == 0


def test_a_refusal_says_what_was_lost_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with ExchangeLog(log) as whole:
        whole.extend(exchange("same", "2026-07-20T00:00:00Z", f"a{number}", "a b c d") for number in range(250))
    with pytest.raises(RecordError, match=r"has 1 accounts; .* 249 of 250 exchanges .*the first is 'same': give each"):
        learn_reference([log], tmp_path / "out", DetectSettings(), KEY)
    (tmp_path / "silent").mkdir()
    log = tmp_path / "silent" / "log.jsonl"
    with ExchangeLog(log) as whole:
        whole.extend(exchange(f"x{number}", "2026-07-20T00:00:00Z", f"a{number}", []) for number in range(250))
    with pytest.raises(
        RecordError, match=r"finds \d+ groups of honest accounts; .* 250 of 250 exchanges .*say nothing"
    ):
        learn_reference([log], tmp_path / "out", DetectSettings(), KEY)
