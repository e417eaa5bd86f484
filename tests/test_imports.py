"""What a user pays for an import: no torch, no transformers, no web framework before they are needed."""

import subprocess
import sys

import pytest

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
    ],
)
def test_a_light_import_stays_light(statement: str) -> None:
    assert loaded_by(statement) == set()


def test_help_stays_light() -> None:
    help_text = (
        "sys.argv = ['stillhouse', '--help']\nfrom stillhouse.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert loaded_by(help_text) == set()


def test_the_check_sees_what_is_heavy() -> None:
    assert loaded_by("import pyarrow") == {"pyarrow"}
