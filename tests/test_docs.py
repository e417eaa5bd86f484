"""The documentation says what the code does: blocks made from it are current, commands exist, keys have rows."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from typer.main import get_command

from tests.docs_blocks import BLOCK, PAGES, ROOT, SETTINGS, block, rewritten, setting_rows

FENCE = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
LOCK = ROOT / "requirements.lock"


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands(page: Path) -> list[list[str]]:
    """The words of every command in the page's bash blocks; comments and output are not commands."""
    text = "\n".join(FENCE.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ")
    lines = [line.removeprefix("$ ").strip() for line in text.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def known_commands() -> dict[tuple[str, ...], set[str]]:
    """Every command of the command line with its options, found from the app itself."""
    from stillhouse.cli import app

    found: dict[tuple[str, ...], set[str]] = {}

    def visit(command: object, path: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[path] = {"--help", *(option for one in getattr(command, "params", ()) for option in one.opts)}
        for name, child in (below or {}).items():
            visit(child, (*path, name))

    visit(get_command(app), ())
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_generated_blocks_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert rewritten(text) == text, f"{named(page)} differs from the code; run scripts/docs"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_shown_commands_exist(page: Path) -> None:
    for words in commands(page):
        if words[0].startswith("scripts/"):
            script = ROOT / words[0]
            assert script.is_file() and script.stat().st_mode & 0o111, f"{named(page)} shows {words[0]}"
        elif words[0] == "stillhouse":
            options = {word.partition("=")[0] for word in words if word.startswith("--")}
            paths = [path for path in known_commands() if path == tuple(words[1 : 1 + len(path)])]
            assert paths, f"{named(page)} shows {' '.join(words)}, which is no command"
            assert options <= known_commands()[paths[0]], f"{named(page)} shows {' '.join(words)}"


def test_readme_starts_with_the_two_commands_of_the_project() -> None:
    shown = [words[0] for words in commands(ROOT / "README.md")]
    assert {"scripts/quickstart", "scripts/test"} <= set(shown)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_key_has_a_row_with_a_meaning(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"<!-- generated: settings {name} -->" in page
    rows = list(setting_rows(SETTINGS[name]))
    assert all(meaning for *_, meaning in rows)
    for key, *_ in rows:
        assert f"| {key} |" in page


def test_a_changed_block_would_be_noticed() -> None:
    stale = "a\n<!-- generated: settings distill -->\n| key |\n<!-- end -->\nb\n"
    fresh = rewritten(stale)
    assert fresh.startswith("a\n<!--") and fresh.endswith("<!-- end -->\nb\n") and "`teacher.permission`" in fresh
    assert rewritten(fresh) == fresh
    with pytest.raises(ValueError, match="no generated block is called 'table'"):
        block("table")


def test_rows_say_type_limits_and_default() -> None:
    rows = {key: (value, default) for key, value, default, _ in setting_rows(SETTINGS["distill"])}
    assert rows["`teacher.permission`"] == ("text", "required")
    assert rows["`optimizer.betas`"] == ("2 numbers", "`[0.9, 0.95]`")
    assert rows["`optimizer.warmup`"] == ("number, >= 0, < 1", "`0.05`")
    assert rows["`grader.beta` (kind `top_k`)"] == ("number, >= 0, <= 1", "`0.0`")
    assert rows["`seed`"] == ("integer, >= 0, < 1e+09", "`0`")
    assert rows["`activation_checkpointing`"] == ("boolean", "`false`")
    assert rows["`steps`"] == ("integer, >= 1", "none")


def test_every_block_is_closed() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- generated:") == len(BLOCK.findall(text)), named(page)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), f"{named(page)} links to {target}"


def requirements() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert extras["all"] == [f"stillhouse[{','.join(sorted(extras.keys() - {'all', 'dev'}))}]"]
    for line in chain(project["dependencies"], *(lines for extra, lines in extras.items() if extra != "all")):
        yield re.split(r"[<>=\[; ]", line)[0].lower()


def test_every_direct_dependency_has_its_reason_and_its_pin() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    pins = {line.partition("==")[0] for line in LOCK.read_text(encoding="utf-8").splitlines()}
    for name in requirements():
        assert re.search(rf"^\| `{re.escape(name)}` \| [^|]{{10,}} \| [^|]{{2,}} \|$", page, re.MULTILINE), name
        assert name in pins, name


def test_the_scripts_install_the_pinned_torch() -> None:
    pin = next(line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("torch=="))
    assert f"install {pin} " in (ROOT / "scripts" / "_setup").read_text(encoding="utf-8")


def test_the_guide_for_contributors_stays_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text(encoding="utf-8").splitlines()) < 60
