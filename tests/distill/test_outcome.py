"""A finished run that is asked to go on tells its outcome and stays as it is; one that lost something mends it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from stillhouse.distill.outcome import Outcome, finished_outcome
from tests.distill.test_run import train
from tests.tiny import Pair, run_settings


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file with its bytes and when they were written."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def done(pair: Pair, tmp_path: Path) -> tuple[Path, dict[str, Any], Outcome]:
    """A finished run of two steps whose teacher is gone and whose student was signed: folder, settings, outcome."""
    teacher, out = Path(shutil.copytree(pair.teacher, tmp_path / "teacher")), tmp_path / "run"
    settings = run_settings(pair, steps=2, teacher__model=str(teacher))
    outcome = train(out, settings)
    shutil.rmtree(teacher)
    (out / "student" / "model.sig").write_text("a signature")
    return out, settings, outcome


def test_resume_of_a_finished_run_touches_and_loads_nothing(done: tuple[Path, dict[str, Any], Outcome]) -> None:
    out, settings, outcome = done
    before = contents(out)
    again = train(out, settings, resume=True)
    assert contents(out) == before
    assert (again.folder, again.evaluation, again.steps) == (out, outcome.evaluation, 2)
    assert again.seconds == pytest.approx(outcome.seconds, abs=5e-4)


def test_killed_before_its_pages_a_finished_run_gets_them_and_nothing_else(
    done: tuple[Path, dict[str, Any], Outcome],
) -> None:
    out, settings, _ = done
    before = contents(out)
    pages = {path: path.read_text() for path in (out / "student" / "README.md", out / "report.html")}
    for path in pages:
        path.unlink()
    train(out, settings, resume=True)
    assert {path: path.read_text() for path in pages} == pages
    assert {path: what for path, what in contents(out).items() if path not in pages} == {
        path: what for path, what in before.items() if path not in pages
    }


@pytest.mark.parametrize("loss", ["the folder", "the weights", "some of their bytes"])
def test_student_that_is_not_whole_is_made_again(loss: str, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(out, run_settings(pair, steps=2))
    weights = out / "student" / "model.safetensors"
    whole = weights.read_bytes()
    match loss:
        case "the folder":
            shutil.rmtree(out / "student")
        case "the weights":
            weights.unlink()
        case _:
            weights.write_bytes(whole[:-1000])
    assert finished_outcome(out) is None
    train(out, run_settings(pair, steps=2), resume=True)
    assert weights.read_bytes() == whole
