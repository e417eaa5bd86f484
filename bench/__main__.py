"""Runs one comparison by name: imports `bench.NAME`, calls its `main(argv) -> list[Row]`, writes and prints the rows.

A comparison is any module of this folder that has such a `main`; a new one is a new file and nothing else.
"""

import ast
import sys
from importlib import import_module
from pathlib import Path

from bench.results import print_table, write
from stillhouse.errors import StillhouseError

FOLDER = Path(__file__).parent


def names() -> dict[str, str]:
    """Every comparison with the first line of what it says about itself, found without importing any."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.stem != "__main__" and any(
            isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body
        ):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def run(argv: list[str]) -> int:
    """Exit status: 0 done, 2 no such comparison or bad input (one line)."""
    known = names()
    if not argv:
        print("scripts/bench NAME [arguments]")
        for name, line in known.items():
            print(f"  {name}  {line}")
        return 0
    name, *rest = argv
    if name not in known:
        print(f"bench: no comparison '{name}'; there is {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    try:
        rows = import_module(f"bench.{name}").main(rest)
        path = write(name, rows)
    except StillhouseError as error:
        print(error, file=sys.stderr)
        return 2
    print_table(name, rows)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
