"""`stillhouse guard blob-key ...`: what it prints, how it ends, and that no key is ever shown."""

import base64
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from stillhouse.cli.guard_blobs import new, retire, rotate, show
from stillhouse.guard.blobs.key_file import load_keyring

app = typer.Typer()
for one in (new, rotate, retire, show):
    app.command()(one)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def run(*words: str | Path) -> Result:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    for word in words:
        if Path(str(word)).is_file() and Path(str(word)).stat().st_mode & 0o777 == 0o600:
            for key in load_keyring(Path(str(word))).keys:
                assert base64.b64encode(key.secret).decode() not in done.output
    return done


def lines(*words: str | Path) -> list[str]:
    done = run(*words)
    assert done.exit_code == 0 and done.stderr == ""
    return [line.partition(", made ")[0] + line[line.rindex(", ") :] for line in done.stdout.splitlines()]


def test_the_life_of_a_file(path: Path) -> None:
    assert lines("new", path) == [f"{path}: key 1, seals and opens"]
    assert lines("rotate", path, "--prepare") == [f"{path}: key 1, seals and opens", f"{path}: key 2, opens"]
    assert lines("rotate", path) == [f"{path}: key 1, opens", f"{path}: key 2, seals and opens"]
    assert lines("retire", path, "1") == lines("show", path) == [f"{path}: key 2, seals and opens"]
    value = json.loads(run("show", path, "--json").stdout)
    assert value["file"] == str(path) and value["retired"] == [1]
    assert [(key["number"], key["seals"]) for key in value["keys"]] == [(2, True)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("show",), "the keys cannot be read (No such file or directory)"),
        (("rotate",), "the keys cannot be read (No such file or directory)"),
        (("retire",), "the keys cannot be read (No such file or directory)"),
    ],
)
def test_a_fault_is_one_line(path: Path, words: tuple[str, ...], line: str) -> None:
    done = run(*words, path, *(["1"] if words == ("retire",) else []))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"stillhouse: {path}: {line}") and done.stderr.count("\n") == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = run("new", tmp_path / "no" / "keys.json")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1 and "make the folder first" in done.stderr
