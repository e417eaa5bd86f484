"""Scenarios from files: defaults, and faults as one line."""

from itertools import islice
from pathlib import Path

import pytest

from stillhouse.errors import ConfigError
from stillhouse.range.arrivals import DAY
from stillhouse.range.corpus import Corpus
from stillhouse.range.scenario import Scenario, corpus_of, load_scenario, world_of
from stillhouse.range.traffic import stream
from stillhouse.records.times import microseconds, rfc3339
from tests.range.small import BEGIN


def write(folder: Path, text: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_is_the_standard_composition(tmp_path: Path) -> None:
    assert load_scenario(write(tmp_path, "")) == Scenario()


def test_a_scenario_begins_at_midnight_in_utc(corpus: Corpus) -> None:
    world = world_of(Scenario(start="2026-07-20", days=3, seed=8), corpus)
    assert (world.begin, world.end, world.seed) == (BEGIN, BEGIN + 3 * 86_400_000, 8)


def test_yaml_may_write_the_day_without_quotes(tmp_path: Path) -> None:
    assert load_scenario(write(tmp_path, "start: 2026-07-21")).begin == BEGIN + 86_400_000
    assert load_scenario(write(tmp_path, "start: '2026-07-21'")).start == "2026-07-21"


@pytest.mark.parametrize("start", ["1100-01-01", "9998-12-31"])
def test_every_moment_of_the_first_and_the_last_possible_days_can_be_written(corpus: Corpus, start: str) -> None:
    strategy = {"accounts": 2, "account_days": 36_524}  # from 1000-01-01 to 1100-01-01
    campaign = {"name": "a", "requests": 4, "day": 0, "hours": 1, "strategy": strategy}
    scenario = Scenario.model_validate({"start": start, "population": {"scale": 0.01}, "campaigns": [campaign]})
    for exchange in islice(stream(scenario, corpus), 200):
        assert exchange.registration is not None
        assert microseconds(exchange.time) and microseconds(exchange.registration["created"])
    assert len(rfc3339(scenario.begin + 366 * DAY - 1)) == len("9999-12-31T23:59:59.999Z")


def test_the_age_of_accounts_counts_where_each_is_registered_by_itself() -> None:
    strategy = {"registration": "shared", "account_days": 1e6}
    assert Scenario.model_validate({"campaigns": [{"name": "a", "strategy": strategy}]}).campaigns


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dayz: 3", "unknown key 'dayz' (value 3); did you mean 'days'?"),
        ("start: noon", "'start' is 'noon'; write the day like 2026-07-20"),
        ("start: 9999-12-31", "'start' is datetime.date(9999, 12, 31); give a day from 1100-01-01 to 9998-12-31"),
        ("start: '0001-01-01'", "'start' is '0001-01-01'; give a day from 1100-01-01 to 9998-12-31"),
        ("days: 0", "'days' is 0; input should be greater than or equal to 1"),
        ("population: {relay: {route: sticky}}", "unknown key 'population.relay.route' (value 'sticky')"),
        ("campaigns: [{objective: reasoning}]", "key 'campaigns.0.name' is missing; add it"),
        ("campaigns: [{name: a, objective: poems}]", "'campaigns.0.objective' is 'poems'; input should be"),
        ("campaigns: [{name: a}, {name: a}]", "campaigns: 'a' is there twice; give each a name of its own"),
        ("campaigns: [{name: a, day: 9}]", "campaigns: 'a' begins on day 9 of 7; give more days, or an earlier one"),
        ("campaigns: [{name: a, strategy: {accounts: 1, pools: 2}}]", "strategy.pools is 2 with one account"),
        ("campaigns: [{name: a, strategy: {honest_share: 1.0}}]", "input should be less than or equal to 0.99"),
        (
            "campaigns: [{name: a, day: 1, strategy: {account_days: 1e6}}]",
            "campaigns: 'a' has strategy.account_days 1e+06, which is before 1000-01-01; give 374940 or less",
        ),
        ("[1, 2]", "holds a list; a config is a mapping of keys to values"),
    ],
)
def test_a_fault_is_one_line_with_place_and_remedy(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_scenario(write(tmp_path, text))
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}/scenario.yaml: ") and "\n" not in message
    assert fault in message


def test_a_corpus_folder_is_meant_from_the_file_and_replaced_from_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path, "corpus: {folder: texts, half: a}")
    assert load_scenario(path).corpus.folder == tmp_path / "texts"
    assert load_scenario(path, folder=Path("other")).corpus.folder == Path("other")
    assert load_scenario(path, ["corpus.half=b"]).corpus.half == "b"


def test_the_half_of_a_scenario_is_that_of_its_corpus(packaged: Corpus) -> None:
    scenario = Scenario.model_validate({"corpus": {"half": "b"}})
    assert corpus_of(scenario).conversations == packaged.half("b").conversations


def test_no_such_folder_is_one_line(tmp_path: Path) -> None:
    scenario = Scenario.model_validate({"corpus": {"folder": tmp_path / "none"}})
    with pytest.raises(ConfigError, match="no such corpus folder; give a folder of"):
        corpus_of(scenario)
