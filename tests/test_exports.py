"""What a module offers is what its `__all__` says: sorted, present, and complete at the top."""

import ast
from pathlib import Path

import pytest

import stillhouse

ROOT = Path(stillhouse.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def exports(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def defined(tree: ast.Module) -> set[str]:
    """Names that the module binds at its top level or by a TYPE_CHECKING import."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff's RUF022 keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("module", MODULES)
def test_exports_are_sorted_and_exist(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    names = exports(tree)
    public = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    if names is None:
        assert public == [], f"{module} defines public names and has no __all__"
        return
    assert names == sorted(names, key=order)
    assert set(names) <= defined(tree), f"{module} exports what it does not have"


def test_the_package_exports_what_it_loads() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    for_the_type_checker = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stillhouse.")
        for alias in node.names
    }
    assert stillhouse.__all__ == sorted(stillhouse.__all__)
    assert set(stillhouse.__all__) == for_the_type_checker == set(stillhouse._HOME)
    for name in stillhouse.__all__:
        assert getattr(stillhouse, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'distil'"):
        _ = stillhouse.distil
