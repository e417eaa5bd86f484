"""What a user pays for an import: no torch, no transformers, no web framework before they are needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.distill.example_run import write_example_run

HEAVY = ("torch", "transformers", "starlette", "matplotlib", "pyarrow", "reasoning_gym")


def loaded_by(statement: str) -> set[str]:
    """The heavy packages in a fresh interpreter after `statement`."""
    code = f"import sys\n{statement}\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import stillhouse",
        "import stillhouse; stillhouse.ExchangeLog; stillhouse.Interval",
        "import stillhouse.config",
        "import stillhouse.records, stillhouse.stats",
        "import stillhouse.distill.config",
        "import stillhouse.distill.grade_settings",
    ],
)
def test_a_light_import_stays_light(statement: str) -> None:
    assert loaded_by(statement) == set()


def command(words: list[str], code: int) -> str:
    """The statement that runs `stillhouse` with `words`, which has to end with `code`."""
    return (
        f"sys.argv = {['stillhouse', *words]}\nfrom stillhouse.cli import main\n"
        f"try:\n    main()\nexcept SystemExit as end:\n    assert (end.code or 0) == {code}"
    )


def test_help_stays_light() -> None:
    assert loaded_by(command(["--help"], 0)) == set()


@pytest.mark.parametrize(
    "words",
    [["run", "{bad}"], ["collect", "{bad}"], ["grade", "{run}", "--with", "{bad}"]],
    ids=lambda words: words[0],
)
def test_a_fault_in_the_settings_shows_before_heavy_imports(words: list[str], tmp_path: Path) -> None:
    run = write_example_run(tmp_path / "run")
    (tmp_path / "bad.yaml").write_text("techer: {}\n", encoding="utf-8")
    places = [word.format(bad=tmp_path / "bad.yaml", run=run) for word in words]
    assert loaded_by(command(["distill", *places], 2)) == set()


def test_the_check_sees_what_is_heavy() -> None:
    assert loaded_by("import pyarrow") == {"pyarrow"}
