"""Scenarios from files: defaults, and faults as one line."""

from pathlib import Path

import pytest

from stillhouse.errors import ConfigError
from stillhouse.range.corpus import Corpus
from stillhouse.range.scenario import Scenario, corpus_of, load_scenario, world_of
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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dayz: 3", "unknown key 'dayz' (value 3); did you mean 'days'?"),
        ("start: noon", "'start' is 'noon'; write the day like 2026-07-20"),
        ("days: 0", "'days' is 0; input should be greater than or equal to 1"),
        ("population: {relay: {route: sticky}}", "unknown key 'population.relay.route' (value 'sticky')"),
        ("campaigns: [{objective: reasoning}]", "key 'campaigns.0.name' is missing; add it"),
        ("campaigns: [{name: a, objective: poems}]", "'campaigns.0.objective' is 'poems'; input should be"),
        ("campaigns: [{name: a}, {name: a}]", "campaigns: 'a' is there twice; give each a name of its own"),
        ("campaigns: [{name: a, day: 9}]", "campaigns: 'a' begins on day 9 of 7; give more days, or an earlier one"),
        ("campaigns: [{name: a, strategy: {accounts: 1, pools: 2}}]", "strategy.pools is 2 with one account"),
        ("campaigns: [{name: a, strategy: {honest_share: 1.0}}]", "input should be less than or equal to 0.99"),
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
