"""The composition as a whole: order, reproduction, labels, and that nothing of the truth is in the log."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from stillhouse.range.campaigns.settings import CampaignSettings, Strategy
from stillhouse.range.corpus import Corpus
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import Composed, composed, labels, stream
from stillhouse.records import exchange_from_record, exchange_to_record
from stillhouse.types import Exchange

ROOT = Path(__file__).parents[2]
CAMPAIGN = CampaignSettings(
    name="alpha", objective="reasoning", requests=300, day=0.5, hours=24, strategy=Strategy(accounts=60)
)
SCENARIO = Scenario.model_validate({"seed": 4, "days": 2, "population": {"scale": 0.03}, "campaigns": [CAMPAIGN]})

REFUSALS = Scenario.model_validate(
    {"days": 2, "population": {"scale": 0.05}, "campaigns": [{"name": "beta", "requests": 6000, "day": 0}]}
)


def line(exchange: Exchange) -> str:
    return json.dumps(exchange_to_record(exchange), ensure_ascii=False)


@pytest.fixture(scope="module")
def entries(corpus: Corpus) -> list[Composed]:
    return list(composed(SCENARIO, corpus))


def test_exchanges_are_in_time_order_inside_the_days_with_ids_of_their_own(entries: list[Composed]) -> None:
    times = [entry.exchange.time for entry in entries]
    assert len(times) > 800 and times == sorted(times)
    assert times[0] >= "2026-07-20T00:00:00.000Z" and times[-1] < "2026-07-22"
    assert len({entry.exchange.id for entry in entries}) == len(entries)
    assert all(entry.exchange.id.startswith("ex_") for entry in entries)


def test_every_exchange_is_one_of_the_format(entries: list[Composed]) -> None:
    for entry in entries:
        record = json.loads(line(entry.exchange))
        assert exchange_from_record(record, "here") == entry.exchange
        assert (entry.exchange.response is None) == (entry.exchange.status >= 400)
        assert entry.exchange.usage["cached_input_tokens"] <= entry.exchange.usage["input_tokens"]
        assert entry.exchange.latency_ms is not None and entry.exchange.latency_ms > 0


def test_people_and_machines_are_refused_alike(corpus: Corpus) -> None:
    kinds = {label.account: label.role for label in labels(REFUSALS, corpus)}
    counts = Counter((kinds[exchange.account], exchange.status) for exchange in stream(REFUSALS, corpus))
    for role in ("honest", "campaign"):
        asked = sum(count for (who, _), count in counts.items() if who == role)
        for status in (429, 503):
            assert 0.0005 < counts[role, status] / asked < 0.006, (role, status)


def test_labels_cover_every_account_once(corpus: Corpus, entries: list[Composed]) -> None:
    truth = list(labels(SCENARIO, corpus))
    assert len({label.account for label in truth}) == len(truth)
    assert {entry.exchange.account for entry in entries} <= {label.account for label in truth}
    roles = {label.account: label for label in truth}
    assert {label.campaign for label in truth if label.role == "campaign"} == {"alpha"}
    assert all(label.campaign is None for label in truth if label.role == "honest")
    assert {label.kind for label in truth} >= {"person", "relay", "gateway", "classroom", "release_day", "reasoning"}
    for entry in entries:
        assert (entry.campaign == "alpha") == (roles[entry.exchange.account].role == "campaign")
        assert (entry.user is not None) == (roles[entry.exchange.account].kind in ("relay", "gateway", "product"))


def test_nothing_of_the_truth_is_in_the_log(corpus: Corpus, entries: list[Composed]) -> None:
    users = {entry.user for entry in entries if entry.user is not None}
    for entry in entries:
        text = line(entry.exchange)
        assert "alpha" not in text and '"honest"' not in text and "release_day" not in text
        assert not users & {entry.exchange.account, entry.exchange.key}


def test_each_account_is_known_by_one_registration_and_one_api(entries: list[Composed]) -> None:
    seen: dict[str, set[str]] = {}
    for entry in entries:
        exchange = entry.exchange
        known = json.dumps([exchange.registration, exchange.api, exchange.key, exchange.organisation])
        seen.setdefault(exchange.account, set()).add(known)
    assert all(len(known) == 1 for known in seen.values())


def test_nobody_asks_before_he_registers(entries: list[Composed]) -> None:
    for entry in entries:
        assert entry.exchange.registration["created"][:19] <= entry.exchange.time[:19]


def test_a_campaign_that_is_added_changes_no_other_line(corpus: Corpus, entries: list[Composed]) -> None:
    alone = [line(exchange) for exchange in stream(SCENARIO.model_copy(update={"campaigns": ()}), corpus)]
    assert alone == [line(entry.exchange) for entry in entries if entry.campaign is None]


def test_another_seed_is_another_population_of_the_same_size(corpus: Corpus, entries: list[Composed]) -> None:
    other = list(stream(SCENARIO.model_copy(update={"seed": 5}), corpus))
    assert 0.6 < len(other) / len(entries) < 1.6
    assert not {exchange.account for exchange in other} & {entry.exchange.account for entry in entries}


def test_the_bytes_are_the_same_in_a_process_with_another_hash_seed(corpus: Corpus, entries: list[Composed]) -> None:
    code = (
        "import hashlib, sys\n"
        "from tests.range.small import small_corpus\n"
        "from tests.range.test_traffic import SCENARIO, line\n"
        "from stillhouse.range.traffic import stream\n"
        "for exchange in stream(SCENARIO, small_corpus()):\n"
        "    sys.stdout.write(line(exchange) + '\\n')\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split("\n")[:-1] == [line(entry.exchange) for entry in entries]


def test_exchanges_are_made_one_at_a_time(corpus: Corpus) -> None:
    """A month of many people begins at once, and memory does not grow with what has gone by."""
    scenario = Scenario.model_validate({"days": 60, "population": {"scale": 0.05}})
    exchanges = stream(scenario, corpus)
    next(exchanges)
    tracemalloc.start()
    counted = sum(1 for _ in islice(exchanges, 3000))
    early = tracemalloc.get_traced_memory()[0]
    counted += sum(1 for _ in islice(exchanges, 6000))
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert counted == 9000
    assert late - early < 1_000_000  # 6,000 exchanges held would be some 15 MB


def test_the_look_alikes_are_a_minority_of_accounts(corpus: Corpus) -> None:
    kinds = Counter(label.kind for label in labels(Scenario(), corpus))
    assert kinds["person"] + kinds["harness_user"] > 0.9 * kinds.total()


def test_no_torch_and_nothing_else_heavy_is_loaded() -> None:
    code = (
        "import sys, stillhouse.range.traffic, stillhouse.range.writing\n"
        "print(*[name for name in ('torch', 'transformers', 'pyarrow', 'reasoning_gym') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
