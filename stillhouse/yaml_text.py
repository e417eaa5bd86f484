"""YAML text in, its value out, and whatever it cannot mean as one fault with its line.

PyYAML lets the last of two equal keys win without a word, though YAML asks that keys are unique: of two `lr` in a
config, one is a mistake. A number or a nesting that Python cannot hold leaves PyYAML as errors of other kinds. And
`1e-4` is a number, as in YAML 1.2, where PyYAML takes it for text.
"""

import re
from pathlib import Path
from typing import Any

import yaml

__all__ = ["parse_yaml", "yaml_fault"]


def parse_yaml(text: str) -> Any:
    """The value of `text`, by YAML's safe types. Raises MarkedYAMLError, also for a key that is given twice."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError:
        raise
    except yaml.reader.ReaderError as error:
        raise yaml.MarkedYAMLError(problem=error.reason) from None
    except (RecursionError, ValueError) as error:
        # A date such as 2020-02-31, a number of too many digits, or nesting that Python cannot follow.
        problem = "too deep" if isinstance(error, RecursionError) else str(error)
        raise yaml.MarkedYAMLError(problem=problem) from None


def yaml_fault(path: Path, error: yaml.MarkedYAMLError) -> str:
    """The line for the user: file, line where it is known, what is wrong, what to mend."""
    problem = error.problem or "malformed"
    if error.problem_mark is None:
        return f"{path}: not valid YAML ({problem}); mend it"
    return f"{path}:{error.problem_mark.line + 1}: not valid YAML ({problem}); mend that line"


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, as it is written: before merge keys (`<<`) bring in theirs."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name = (key.tag, key.value)
            if name in seen:
                problem = f"key '{key.value}' is given twice, first in line {seen[name]}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen[name] = key.start_mark.line + 1
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
