"""YAML's value, and a fault for what it cannot mean."""

from pathlib import Path

import pytest
import yaml

from stillhouse.yaml_text import parse_yaml, yaml_fault


def fault(text: str) -> str:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        parse_yaml(text)
    return yaml_fault(Path("a.yaml"), caught.value)


@pytest.mark.parametrize(
    ("text", "line", "key", "first"),
    [
        ("a: 1\nb: 2\na: 1\n", 3, "a", 1),
        ("a: 1\n'a': 2\n", 2, "a", 1),
        ("- b\n- {c: 1,\n   c: 2}\n", 3, "c", 2),
        ("a:\n  b: {c: 1}\n  d: 1\n  b: 2\n", 4, "b", 2),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n  b: 3\n", 5, "b", 4),
    ],
)
def test_a_key_given_twice(text: str, line: int, key: str, first: int) -> None:
    assert fault(text) == (
        f"a.yaml:{line}: not valid YAML (key '{key}' is given twice, first in line {first}); mend that line"
    )


def test_equal_keys_of_different_mappings_or_kinds() -> None:
    assert parse_yaml("a: {b: 1}\nc: {b: 2}\n1: x\n'1': y\n") == {"a": {"b": 1}, "c": {"b": 2}, 1: "x", "1": "y"}


def test_merge_keys_bring_in_what_a_mapping_may_say_anew() -> None:
    text = "a: {in: &x {b: 1, c: 2}}\nd: {in: {in: &y {<<: *x, c: 3}}}\ne: {<<: [*y, *x], b: 4}\nf: {<<: *y}\n"
    found = parse_yaml(text)
    assert found["d"]["in"]["in"] == {"b": 1, "c": 3}
    assert found["e"] == {"b": 4, "c": 3}
    assert found["f"] == {"b": 1, "c": 3}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 2020-02-31", "day is out of range for month"),
        ("[" * 100_000, "too deep"),
        ("a: \x07", "special characters are not allowed"),
    ],
)
def test_what_python_cannot_hold(text: str, problem: str) -> None:
    assert fault(text) == f"a.yaml: not valid YAML ({problem}); mend it"


def test_a_malformed_line() -> None:
    assert fault("a: 1\nb: [") == (
        "a.yaml:2: not valid YAML (expected the node content, but found '<stream end>'); mend that line"
    )
