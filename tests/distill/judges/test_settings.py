"""Settings of judges from YAML, and one line for each that cannot be meant."""

from pathlib import Path

import pytest

from stillhouse.config import Settings, load
from stillhouse.distill.judges.settings import (
    CritiqueSettings,
    JudgeSettings,
    RankingSettings,
    ReferenceSettings,
    RubricSettings,
    Scale,
)
from stillhouse.errors import ConfigError


class Config(Settings):
    judge: JudgeSettings


RUBRIC = """\
judge:
  kind: rubric
  criteria:
    - {name: correct, description: It is right., weight: 0.7}
    - {name: clear, description: It is easy to read., weight: 0.3}
"""


def loaded(folder: Path, text: str, *overrides: str) -> JudgeSettings:
    path = folder / "judge.yaml"
    path.write_text(text)
    return load(Config, path, overrides).judge


def test_each_kind_is_chosen_by_its_name(tmp_path: Path) -> None:
    rubric = loaded(tmp_path, RUBRIC)
    assert isinstance(rubric, RubricSettings) and [c.name for c in rubric.criteria] == ["correct", "clear"]
    assert (rubric.scale.numbers, rubric.temperature, rubric.repeats) == ([1, 2, 3, 4, 5], 0, 1)
    for kind, cls in (("ranking", RankingSettings), ("critique", CritiqueSettings), ("reference", ReferenceSettings)):
        assert isinstance(loaded(tmp_path, f"judge: {{kind: {kind}}}"), cls)


def test_scale_maps_to_shares() -> None:
    scale = Scale(lowest=0, highest=4)
    assert [scale.share(score) for score in scale.numbers] == [0, 0.25, 0.5, 0.75, 1]


def test_weights_may_be_off_by_rounding(tmp_path: Path) -> None:
    third = "{name: c%d, description: d, weight: 0.3333333}"
    assert loaded(tmp_path, f"judge: {{kind: rubric, criteria: [{', '.join(third % i for i in range(3))}]}}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{kind: rubric}", "key 'judge.criteria' is missing"),
        ("{kind: rubric, criteria: []}", r"'judge.criteria' is \[\]; a rubric needs at least one criterion"),
        (
            "{kind: rubric, criteria: [{name: a, description: d, weight: .5}, {name: b, description: e, weight: .4}]}",
            "the weights sum to 0.9; make them sum to 1",
        ),
        ("{kind: rubric, criteria: [{name: a, description: d, weight: 0}]}", "greater than 0"),
        ("{kind: rubric, criteria: [{name: a, description: ''}]}", "at least 1 character"),
        ("{kind: rubric, criteria: [{name: Is it right, description: d}]}", "match pattern"),
        (
            "{kind: rubric, criteria: [{name: a, description: d, weight: .5}, {name: a, description: e, weight: .5}]}",
            "called a, a; give each its own name",
        ),
        ("{kind: rubric, criteria: [{name: reason, description: d}]}", "none `reason`"),
        ("{kind: critique, scale: {lowest: 5, highest: 5}}", "highest 5 is not above lowest 5"),
        ("{kind: critique, repeats: 3}", "repeats 3 at temperature 0 ask the same"),
        ("{kind: ranking, rounds: 2}", "rounds goes with compare: pairs"),
        ("{kind: ranking, criterion: x}", "unknown key 'judge.criterion'"),
        ("{kind: grade}", "judge"),
    ],
)
def test_what_cannot_be_meant_gets_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        loaded(tmp_path, f"judge: {text}")
    assert "\n" not in str(caught.value) and "judge.yaml" in str(caught.value)


def test_repeats_of_a_ranking_differ_by_their_order(tmp_path: Path) -> None:
    assert loaded(tmp_path, "judge: {kind: ranking, repeats: 3}").kind == "ranking"
    assert loaded(tmp_path, "judge: {kind: reference, repeats: 3, temperature: 0.7}").kind == "reference"


def test_weights_left_out_are_equal_shares_and_some_alone_are_refused() -> None:
    criteria = [{"name": name, "description": "d"} for name in ("a", "b", "c", "d")]
    assert RubricSettings.model_validate({"criteria": criteria}).shares == (0.25,) * 4
    criteria[0] |= {"weight": 1.0}  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="1 of 4 criteria have a weight; give one to each, or to none"):
        RubricSettings.model_validate({"criteria": criteria})
