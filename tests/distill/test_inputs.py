"""A run that is resumed reads the same prompts and weights, or says what changed."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.run import distill
from stillhouse.errors import RunFolderError
from tests.tiny import Pair, run_settings


@pytest.fixture(scope="module")
def own(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A copy of `pair` whose files a test may change."""
    folder = tmp_path_factory.mktemp("own")
    return Pair(
        teacher=Path(shutil.copytree(pair.teacher, folder / "teacher")),
        student=Path(shutil.copytree(pair.student, folder / "student")),
        prompts=Path(shutil.copy(pair.prompts, folder / "prompts.jsonl")),
    )


@pytest.fixture(scope="module")
def trained(own: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on `own`, with a second source of prompts and a task."""
    out = tmp_path_factory.mktemp("run") / "run"
    go(own, out, resume=False)
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run without its student: one that is finished would read nothing again."""
    return Path(shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("student")))


@contextmanager
def changed(file: Path, content: bytes) -> Iterator[None]:
    """`file` holds `content` meanwhile."""
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(before)


def go(own: Pair, out: Path, *, resume: bool) -> None:
    extra, task = own.prompts.with_name("extra.jsonl"), own.prompts.with_name("task.jsonl")
    if not extra.exists():
        extra.write_text('{"prompt": "What is a lamp?"}\n')
        task.write_text('{"prompt": "1 + 1 =", "answer": 2}\n{"prompt": "1 + 2 =", "answer": 3}\n')
    prompts = [{"path": str(own.prompts)}, {"path": str(extra)}]
    settings = run_settings(own, steps=1, prompts=prompts, evaluation__tasks=[{"path": str(task)}])
    console = Console(file=io.StringIO())
    distill(DistillSettings.model_validate(settings), out, resume=resume, console=console, command=[])


@pytest.mark.parametrize("name", ["prompts.jsonl", "extra.jsonl", "task.jsonl"])
def test_changed_prompts_are_named(name: str, own: Pair, run: Path) -> None:
    file = own.prompts.with_name(name)
    more = file.read_bytes() + b'{"prompt": "One row more?", "answer": 1}\n'
    with changed(file, more), pytest.raises(RunFolderError) as caught:
        go(own, run, resume=True)
    assert str(caught.value) == (
        f"{run}: the prompts of {file} changed since this run began; put the old content back, or give another --out"
    )
    go(own, run, resume=True)


@pytest.mark.parametrize("who", ["teacher", "student"])
def test_changed_weights_are_named(who: str, own: Pair, run: Path) -> None:
    file = own.prompts.with_name(who) / "model.safetensors"
    weights = bytearray(file.read_bytes())
    weights[-2] ^= 1
    named = rf"run: the {who} {file.parent} changed since this run began; put"
    with changed(file, bytes(weights)), pytest.raises(RunFolderError, match=named):
        go(own, run, resume=True)
    go(own, run, resume=True)
