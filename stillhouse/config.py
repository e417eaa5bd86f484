"""YAML and `a.b=value` overrides in, one frozen settings object out.

A settings class is a pydantic model that forbids unknown keys, so a misspelt key stops a run before any
work instead of being ignored during it. Every fault becomes one line: file, key, value, remedy.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from stillhouse.errors import ConfigError
from stillhouse.yaml_text import parse_yaml, yaml_fault

__all__ = ["Settings", "dump", "load", "read", "validate"]

_PLAIN = {
    "model_type": "a section is a mapping of keys to values",
    "dict_type": "give a mapping of keys to values",
    "tuple_type": "give a list",
    "path_type": "give a path as text",
}
"""What is to be done, where pydantic's message would speak of Python's classes."""


def _number(value: Any) -> Any:
    if isinstance(value, bool | str | bytes):
        raise ValueError("give a number, without quotes")
    return value


def _with_numbers(schema: Any) -> Any:
    """The schema with `_number` before whatever becomes an integer or a float, which pydantic also makes of others."""
    if isinstance(schema, list | tuple):
        return type(schema)(_with_numbers(part) for part in schema)
    if not isinstance(schema, dict) or _is_checked(schema):
        return schema
    if schema.get("type") in ("int", "float") and not schema.get("strict"):
        return core_schema.no_info_before_validator_function(_number, cast(CoreSchema, schema))
    return {name: part if name == "metadata" else _with_numbers(part) for name, part in schema.items()}


def _is_checked(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "function-before" and schema["function"].get("function") is _number


class Settings(BaseModel):
    """Base of every settings class: frozen; an unknown key, NaN and infinity are errors, and so is what stands in the
    place of a number and is none, such as `true` or a text of digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cast(CoreSchema, _with_numbers(handler(source)))


S = TypeVar("S", bound=Settings)


def load(cls: type[S], path: Path, overrides: Sequence[str] = ()) -> S:
    """Read `path` as YAML, apply `a.b=value` overrides (values are YAML too), and validate as `cls`.

    Raises ConfigError with one line that names the file, the key, the value and the remedy.
    """
    data = read(path)
    for override in overrides:
        _apply(data, override)
    return validate(cls, data, place=str(path))


def read(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds, as it stands there; of an empty file an empty one. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config file; give the path of a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error}); give a YAML file") from None
    try:
        data = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(yaml_fault(path, error)) from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: holds a {type(data).__name__}; a config is a mapping of keys to values")
    return data


def validate(cls: type[S], data: Mapping[str, Any], place: str) -> S:
    """Validate a mapping as `cls`; `place` opens the message of a ConfigError."""
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{place}: {_first_fault(cls, error)}") from None


def dump(settings: Settings) -> str:
    """The settings as YAML, defaults included: what a run folder keeps as `resolved.yaml`."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"override '{override}': expected key.subkey=value")
    try:
        value = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "malformed"
        raise ConfigError(f"override '{override}': no YAML value ({problem}); mend it, or quote a text") from None
    *parents, last = key.split(".")
    here = data
    for depth, name in enumerate(parents):
        below = here.setdefault(name, {})
        if not isinstance(below, dict):
            where, wanted = ".".join(parents[: depth + 1]), [*parents, last][depth + 1]
            raise ConfigError(f"override '{override}': '{where}' is {_short(below)}, which has no key '{wanted}'")
        here = below
    here[last] = value


def _first_fault(cls: type[BaseModel], error: ValidationError) -> str:
    faults = error.errors(include_url=False)
    # A misspelt key is also a missing one; the misspelling is what the user can see.
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    value = fault.get("input")
    if fault["type"] == "extra_forbidden":
        *above, key = fault["loc"]
        keys, classes = _walk(cls, above)
        known = sorted({name for c in classes for name in c.model_fields})
        close = difflib.get_close_matches(str(key), known, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}"
        return f"unknown key '{'.'.join([*keys, str(key)])}' (value {_short(value)}); {remedy}"
    where = ".".join(_walk(cls, fault["loc"])[0])
    if fault["type"] == "missing":
        *above, key = fault["loc"]
        fields = [c.model_fields[key] for c in _walk(cls, above)[1] if key in c.model_fields]
        meaning = fields[0].description if fields else None
        return f"key '{where}' is missing; add it" + (f" ({meaning})" if meaning else "")
    message = _PLAIN.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    if not where:
        return message
    return f"'{where}' is {_short(value)}; {message[0].lower()}{message[1:]}"


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _walk(cls: type[BaseModel], path: Sequence[int | str]) -> tuple[list[str], list[type[BaseModel]]]:
    """The keys of `path` as the user wrote them, and the settings classes that it leads to.

    pydantic puts the tag of a discriminated union into the path, where the file has no such key.
    """
    keys: list[str] = []
    classes = [cls]
    for part in path:
        below = [c.model_fields[part].annotation for c in classes if part in c.model_fields]
        tagged = [c for c in classes if part in _tags(c)]
        if below:
            classes = [model for hint in below for model in _models_in(hint)]
        elif tagged:
            classes = tagged
            continue
        keys.append(str(part))
    return keys, classes


def _models_in(hint: Any) -> list[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [model for part in getattr(hint, "__args__", ()) for model in _models_in(part)]


def _tags(cls: type[BaseModel]) -> set[str]:
    """Literal values of the class's fields: what a discriminated union is chosen by."""
    found: set[str] = set()
    for field in cls.model_fields.values():
        found.update(str(arg) for arg in getattr(field.annotation, "__args__", ()) if isinstance(arg, str))
    return found
