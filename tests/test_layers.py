"""Imports point down, in the order of RANK below.

Never sideways, never relative: so each part can be read, tested and replaced knowing only what lies below it.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "stillhouse"
RANK = {
    "errors": 0,
    "printable": 1,
    "types": 1,
    "yaml_text": 1,
    "config": 2,
    "records": 2,
    "stats": 2,
    "marks": 3,
    "models": 3,
    "distill": 4,
    "guard": 4,
    "assay": 4,
    "range": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 8,
}
HEAVY = {"torch": ("models", "marks", "distill", "assay"), "transformers": ("models", "distill")}


def imported(tree: ast.AST) -> list[tuple[int, str]]:
    """(line, dotted name) of every import at any depth; a relative one is named as such."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.append((node.lineno, "stillhouse.<relative import>"))
        elif isinstance(node, ast.ImportFrom) and node.module == "stillhouse":
            found += [(node.lineno, f"stillhouse.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
    return found


def violations(root: Path) -> list[str]:
    """`file:line here -> there` for every import that does not point down."""
    found = []
    for path in sorted(root.rglob("*.py")):
        here = path.relative_to(root).parts[0].removesuffix(".py")
        for line, name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            package, _, below = name.partition(".")
            there = below.partition(".")[0]
            place = f"{path.relative_to(root)}:{line}"
            if package == "stillhouse" and below not in ("", "__version__"):
                if there != here and RANK.get(there, 99) >= RANK[here]:
                    found.append(f"{place} {here} -> {there}")
            elif package in HEAVY and here not in HEAVY[package]:
                found.append(f"{place} {here} -> {package}")
    return found


def test_imports_point_down() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "violation"),
    [
        ("distill/train.py", "from stillhouse.guard.decide import x", "distill -> guard"),
        ("distill/train.py", "from stillhouse import guard", "distill -> guard"),
        ("distill/train.py", "import stillhouse.guard.decide", "distill -> guard"),
        ("distill/train.py", "from stillhouse.cli import main", "distill -> cli"),
        ("distill/train.py", "def f():\n    from stillhouse.range import x", "distill -> range"),
        ("records/files.py", "from stillhouse.stats import wilson", "records -> stats"),
        ("records/files.py", "from stillhouse.models import local", "records -> models"),
        ("errors.py", "from stillhouse.types import Message", "errors -> types"),
        ("config.py", "from .errors import ConfigError", "config -> <relative import>"),
        ("distill/train.py", "from . import loss", "distill -> <relative import>"),
        ("models/local.py", "from stillhouse.somewhere import x", "models -> somewhere"),
        ("stats/bootstrap.py", "import torch.nn", "stats -> torch"),
        ("cli.py", "def f():\n    from transformers import pipeline", "cli -> transformers"),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, file: str, line: str, violation: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    assert violations(tmp_path) == [f"{file}:{line.count(chr(10)) + 1} {violation}"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cli.py", "from stillhouse import __version__, errors"),
        ("cli.py", "from stillhouse.distill.train import run"),
        ("distill/train.py", "from stillhouse.distill.loss import loss\nimport torch"),
        ("records/files.py", "from stillhouse.types import Exchange\nimport stillhouse"),
        ("__main__.py", "from stillhouse.cli import main"),
    ],
)
def test_what_points_down_passes(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    assert violations(tmp_path) == []
