"""Every line that a faulty config can get: file, key, value, remedy."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field, ValidationError, model_validator

from stillhouse.config import Settings, dump, load, validate
from stillhouse.distill.config import DistillSettings
from stillhouse.errors import ConfigError


class Divergence(Settings):
    kind: Literal["divergence"] = "divergence"
    beta: float = Field(1.0, ge=0, le=1)


class TopK(Settings):
    kind: Literal["top_k"] = "top_k"
    count: int = 64


class Source(Settings):
    path: Path | None = None
    limit: int | None = None


class Optimizer(Settings):
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)


class Run(Settings):
    steps: int
    grader: Annotated[Divergence | TopK, Field(discriminator="kind")] = Divergence()
    prompts: tuple[Source, ...] = ()
    optimizer: Optimizer = Optimizer()
    second: Optimizer | None = None
    label: str = "x"

    @model_validator(mode="after")
    def _possible(self) -> "Run":
        if self.steps == 13:
            raise ValueError("steps 13 brings bad luck; take 12")
        return self


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fault(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(Run, written(folder, text), overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'run.yaml'}")


def test_a_file_and_its_overrides(tmp_path: Path) -> None:
    text = "steps: 3\ngrader: {kind: top_k, count: 5}\nprompts: [{path: a.jsonl}]\n"
    run = load(Run, written(tmp_path, text), ["steps=4", "optimizer.learning_rate=1e-2", "second.betas=[0.5, 0.6]"])
    assert run == Run(
        steps=4,
        grader=TopK(count=5),
        prompts=(Source(path=Path("a.jsonl")),),
        optimizer=Optimizer(learning_rate=0.01),
        second=Optimizer(betas=(0.5, 0.6)),
    )


@pytest.mark.parametrize(
    ("text", "value"), [("1e-4", 1e-4), ("1E3", 1000.0), ("-2.5e+1", -25.0), (".5e1", 5.0), ("3", 3.0)]
)
def test_a_number_may_have_an_exponent(tmp_path: Path, text: str, value: float) -> None:
    run = load(
        Run, written(tmp_path, f"steps: 3\noptimizer: {{learning_rate: {text}}}"), [f"second.learning_rate={text}"]
    )
    assert run.second is not None and run.optimizer.learning_rate == run.second.learning_rate == value
    assert load(Run, written(tmp_path, "steps: 1e2")).steps == 100
    assert load(Run, written(tmp_path, f"steps: 3\nlabel: '{text}'")).label == text


def test_an_override_holds_whatever_yaml_can_say(tmp_path: Path) -> None:
    path = written(tmp_path, "steps: 3")
    assert load(Run, path, ["label=a=b"]).label == "a=b"
    assert load(Run, path, ["second=null"]).second is None
    assert load(Run, path, ["prompts=[{limit: 2}]"]).prompts == (Source(limit=2),)
    assert load(Run, path, ["steps=5", "steps=6"]).steps == 6


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert load(Run, written(tmp_path, "# nothing\n"), ["steps=1"]).steps == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step: 3", ": unknown key 'step' (value 3); did you mean 'steps'?"),
        (
            "steps: 3\noptimizer: {learning_rte: 1}",
            ": unknown key 'optimizer.learning_rte' (value 1); did you mean 'learning_rate'?",
        ),
        ("steps: 3\nsecond: {beta: 1}", ": unknown key 'second.beta' (value 1); did you mean 'betas'?"),
        ("steps: 3\nprompts: [{}, {limt: 1}]", ": unknown key 'prompts.1.limt' (value 1); did you mean 'limit'?"),
        ("steps: 3\ngrader: {kind: top_k, cuont: 9}", ": unknown key 'grader.cuont' (value 9); did you mean 'count'?"),
        # `count` belongs to the other member of the union, so it is not offered.
        (
            "steps: 3\ngrader: {kind: divergence, cuont: 9}",
            ": unknown key 'grader.cuont' (value 9); known keys: beta, kind",
        ),
        (
            "steps: 3\noptimizer: {zzz: a}",
            ": unknown key 'optimizer.zzz' (value 'a'); known keys: betas, learning_rate",
        ),
        ("label: a", ": key 'steps' is missing; add it"),
        ("steps: many", ": 'steps' is 'many'; give a number, without quotes"),
        (
            "steps: 3\ngrader: {kind: divergence, beta: 2}",
            ": 'grader.beta' is 2; input should be less than or equal to 1",
        ),
        ("steps: 3\noptimizer: 5", ": 'optimizer' is 5; a section is a mapping of keys to values"),
        ("steps: 3\noptimizer: []", ": 'optimizer' is []; a section is a mapping of keys to values"),
        ("steps: 3\nprompts: {path: a}", ": 'prompts' is {'path': 'a'}; give a list"),
        ("steps: 3\nprompts: [{path: 5}]", ": 'prompts.0.path' is 5; give a path as text"),
        ("steps: true", ": 'steps' is True; give a number, without quotes"),
        (
            "steps: 3\noptimizer: {learning_rate: '0.2'}",
            ": 'optimizer.learning_rate' is '0.2'; give a number, without quotes",
        ),
        ("steps: 3\noptimizer: {betas: [0.2, no]}", ": 'optimizer.betas.1' is False; give a number, without quotes"),
        ("steps: 3\nprompts: [{limit: '2'}]", ": 'prompts.0.limit' is '2'; give a number, without quotes"),
        ("steps: 3\ngrader: {kind: top_k, count: yes}", ": 'grader.count' is True; give a number, without quotes"),
        ("steps: 3.5", ": 'steps' is 3.5; input should be a valid integer, got a number with a fractional part"),
        ("steps: 13", ": steps 13 brings bad luck; take 12"),
        ("- a\n- b", ": holds a list; a config is a mapping of keys to values"),
        ("steps: 3\nlabel: [a\n", ":3: not valid YAML (expected ',' or ']', but got '<stream end>'); mend that line"),
        (
            "steps: 3\n\tlabel: a",
            ":2: not valid YAML (found character '\\t' that cannot start any token); mend that line",
        ),
        (
            "steps: 3\noptimizer:\n  betas: [0.1, 0.2]\n  learning_rate: 1\n  betas: [0.3, 0.4]",
            ":5: not valid YAML (key 'betas' is given twice, first in line 3); mend that line",
        ),
        ("steps: 2020-02-31", ": not valid YAML (day is out of range for month); mend it"),
        ("[" * 100_000, ": not valid YAML (too deep); mend it"),
    ],
)
def test_a_faulty_file(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text) == message


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("kind: topk", "'grader' is {'kind': 'topk'}; input tag 'topk' found using 'kind' does not match"),
        ("beta: 1", "'grader' is {'beta': 1}; unable to extract tag using discriminator 'kind'"),
    ],
)
def test_a_faulty_tag(tmp_path: Path, kind: str, words: str) -> None:
    assert words in fault(tmp_path, f"steps: 3\ngrader: {{{kind}}}")


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    message = fault(tmp_path, f"steps: {'x' * 500}")
    assert "'steps' is 'xxx" in message and "xxx...;" in message and len(message) < 200


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "override 'steps': expected key.subkey=value"),
        ("=3", "override '=3': expected key.subkey=value"),
        (
            "label=[a",
            "override 'label=[a': no YAML value (expected ',' or ']', but got '<stream end>'); "
            "mend it, or quote a text",
        ),
        (
            "second={betas: 1, betas: 2}",
            "override 'second={betas: 1, betas: 2}': no YAML value (key 'betas' is given twice, first in line 1); "
            "mend it, or quote a text",
        ),
        ("label.size=3", "override 'label.size=3': 'label' is 'old', which has no key 'size'"),
        ("label.size.x=3", "override 'label.size.x=3': 'label' is 'old', which has no key 'size'"),
    ],
)
def test_a_faulty_override(tmp_path: Path, override: str, message: str) -> None:
    assert fault(tmp_path, "steps: 3\nlabel: old", override) == message


def test_a_misspelt_override_is_an_unknown_key(tmp_path: Path) -> None:
    assert fault(tmp_path, "steps: 3", "optimiser.x=3").startswith(": unknown key 'optimiser'")
    assert fault(tmp_path, "steps: 3", "grader.kind=top_k", "grader.k=3").startswith(": unknown key 'grader.k'")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such config file; give the path of a YAML file"):
        load(Run, tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
        load(Run, tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"label: \xe9")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read as UTF-8 text"):
        load(Run, tmp_path / "latin.yaml")


def test_settings_are_frozen() -> None:
    run = Run(steps=3)
    with pytest.raises(ValidationError, match="frozen"):
        run.steps = 4  # type: ignore[misc]


def test_a_dump_loads_as_the_same_settings(tmp_path: Path) -> None:
    run = validate(Run, {"steps": 2, "prompts": [{"path": "a.jsonl"}], "label": "né"}, "test")
    text = dump(run)
    assert list(yaml.safe_load(text)) == list(Run.model_fields)
    assert "né" in text
    assert load(Run, written(tmp_path, text)) == run


MINIMAL: dict[str, Any] = {
    "teacher": {"model": "bundled", "permission": "Apache-2.0"},
    "student": {"prune": "bundled", "layers": 14},
    "prompts": [{"name": "instructions"}],
    "steps": 2,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grader": {"kind": "top_k", "kk": 3}}, "unknown key 'grader.kk'"),
        (
            {"teacher": {"model": "bundled"}},
            "key 'teacher.permission' is missing; add it (licence or person that allows learning from this teacher; ",
        ),
        ({"teacher": {"model": "bundled", "permission": " "}}, "'teacher.permission' is ' '; name the licence, or who"),
        ({"teacher": {"model": "bundled", "permission": None}}, "'teacher.permission' is None; name the licence"),
        ({"teachers": {"b": {"model": "x", "permission": False}}}, "'teachers.b.permission' is False; name the licen"),
        ({"optimizer": {"learning_rate": 1}}, "unknown key 'optimizer.learning_rate'"),
        ({"stepz": 3}, "unknown key 'stepz' (value 3); did you mean 'steps'?"),
        ({"minutes": 1}, "exactly one of `steps` and `minutes`"),
        ({"lora": {"rank": 8}}, "unknown key 'lora.rank'"),
    ],
)
def test_the_faults_of_a_distill_config(changes: dict[str, Any], words: str) -> None:
    assert validate(DistillSettings, MINIMAL, "run.yaml").steps == 2
    with pytest.raises(ConfigError) as caught:
        validate(DistillSettings, MINIMAL | changes, "run.yaml")
    assert str(caught.value).startswith("run.yaml: ") and words in str(caught.value)
