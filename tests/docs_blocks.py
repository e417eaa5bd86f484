"""The parts of the documentation that are made from the code: settings tables and help texts.

A block stands between `<!-- generated: WHAT -->` and `<!-- end -->`, where WHAT is `settings distill`,
`help COMMAND ...`, `measured`, or `printed RECIPE`. `scripts/docs` rewrites all blocks; tests/test_docs.py fails where
one differs.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.grade_settings import GradeSettings
from stillhouse.guard.settings import GuardSettings
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.range.scenario import Scenario
from tests.measured import measured_table, printed

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "recipes").glob("*/README.md"))]
SETTINGS: dict[str, type[BaseModel]] = {
    "distill": DistillSettings,
    "collect": CollectSettings,
    "endpoints": EndpointSettings,
    "guard": GuardSettings,
    "judging": GradeSettings,
    "range": Scenario,
}
BLOCK = re.compile(r"<!-- generated: (?P<what>[^>]+) -->\n.*?<!-- end -->", re.DOTALL)


def rewritten(text: str) -> str:
    """The page with every block made anew."""
    return BLOCK.sub(lambda found: f"<!-- generated: {found['what']} -->\n{block(found['what'])}<!-- end -->", text)


def block(what: str) -> str:
    """The content of one block."""
    kind, *words = what.split()
    if kind == "settings":
        return settings_table(SETTINGS[words[0]])
    if kind == "help":
        return f"```text\n{help_text(words)}```\n"
    if kind == "measured":
        return measured_table()
    if kind == "printed":
        return f"```text\n{printed(words[0])}```\n"
    raise ValueError(f"no generated block is called '{what}'")


def help_text(command: list[str]) -> str:
    """What `stillhouse COMMAND --help` prints on a terminal of 100 columns without colours."""
    plain = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    line = [sys.executable, "-m", "stillhouse", *command, "--help"]
    done = subprocess.run(line, check=True, capture_output=True, text=True, env=keep | plain, cwd=ROOT)
    return "\n".join(row.rstrip() for row in done.stdout.strip("\n").split("\n")) + "\n"


def settings_table(cls: type[BaseModel]) -> str:
    """One row for every key, sections before their keys."""
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    rows += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in setting_rows(cls)]
    return "\n".join(rows) + "\n"


def setting_rows(
    cls: type[BaseModel], above: str = "", only: str = "", shown: dict[type[BaseModel], str] | None = None
) -> Iterator[tuple[str, str, str, str]]:
    """(key, value, default, meaning); `only` names the kind of grader that a key belongs to.

    A section that stands elsewhere in the table (`shown`, by its class) is referred to and not repeated.
    """
    shown = {} if shown is None else shown
    for name, field in cls.model_fields.items():
        key = f"{above}{name}"
        sections = sections_of(field)
        meaning = field.description or (first_line(sections[0]) if sections else "chooses this one")
        known = sorted({shown[section] for section in sections if section in shown})
        if known:
            meaning += f" (keys as under {' and '.join(f'`{place}`' for place in known)})"
        yield f"`{key}`{only}", value_of(field), default_of(field), meaning
        many = get_origin(field.annotation)
        step = f"{key}[]." if many is tuple else f"{key}.<name>." if many is dict else f"{key}."
        for section in sections:
            if section not in shown:
                shown[section] = key
                kind = section.model_fields.get("kind")
                yield from setting_rows(section, step, f" (kind `{kind.default}`)" if kind else "", shown)


def sections_of(field: FieldInfo) -> list[type[BaseModel]]:
    """The settings classes that a field holds: none, one, or the members of a union."""
    return list(models_in(field.annotation))


def models_in(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for part in get_args(hint):
        yield from models_in(part)


def value_of(field: FieldInfo) -> str:
    """The type and its limits, in words."""
    limits = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for kind, name, sign in ((Ge, "ge", ">="), (Gt, "gt", ">"), (Le, "le", "<="), (Lt, "lt", "<"))
        if isinstance(rule, kind)
    ]
    return ", ".join([type_name(field.annotation), *limits])


def type_name(hint: Any) -> str:
    origin, parts = get_origin(hint), [part for part in get_args(hint) if part is not NoneType]
    if origin is Annotated:
        return type_name(parts[0])
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return f"list of {type_name(parts[0])}" if Ellipsis in parts else f"{len(parts)} {type_name(parts[0])}s"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_name(part) for part in parts))
    if hint is Any:
        return "any value"
    if origin is dict:
        return f"{type_name(parts[1])} by name"
    if issubclass(hint, BaseModel):
        return "section"
    return {int: "integer", float: "number", bool: "boolean", str: "text", Path: "path"}[hint]


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return f"kind `{value.kind}`" if "kind" in type(value).model_fields else "its defaults"  # type: ignore[attr-defined]
    if isinstance(value, dict) and any(isinstance(part, BaseModel) for part in value.values()):
        return " and ".join(f"`{name}`: its defaults" for name in value)
    return "none" if value in (None, ()) else f"`{json.dumps(value, default=str)}`".replace('"', "")


def first_line(cls: type[BaseModel]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def main() -> None:
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = rewritten(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
