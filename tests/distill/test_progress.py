"""Figures of a run: metrics.jsonl survives a kill, the screen shows them, reporters get them flat."""

import io
import json
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stillhouse.distill.progress import Metrics, RunProgress, check_reporter, reporter
from stillhouse.errors import ConfigError, TrainingError


def line(step: int) -> dict[str, Any]:
    return {"step": step, "loss": 0.5, "kl": 0.25, "tokens_per_second": 1234.5, "seconds": {"rollout": 2.0}}


class Kept:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, Mapping[str, float]]] = []
        self.closed = False

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.logged.append((step, metrics))

    def close(self) -> None:
        self.closed = True


def test_lines_after_the_resumed_step_and_half_lines_go(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line(step)) + "\n" for step in (1, 2, 3, 4)) + '{"step": 5, "lo')
    Metrics(path, 3, None).log(line(4))
    assert [json.loads(text)["step"] for text in path.read_text().splitlines()] == [1, 2, 3, 4]
    Metrics(path, 0, None)
    assert path.read_text() == ""
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_reporter_gets_flat_numbers(tmp_path: Path) -> None:
    kept = Kept()
    metrics = Metrics(tmp_path / "metrics.jsonl", 0, kept)
    metrics.log({**line(7), "name": "left out"})
    metrics.close()
    expected = {"step": 7.0, "loss": 0.5, "kl": 0.25, "tokens_per_second": 1234.5, "seconds/rollout": 2.0}
    assert kept.logged == [(7, expected)] and kept.closed


@pytest.mark.parametrize("name", ["wandb", "trackio", "tensorboard"])
def test_reporter_that_is_not_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda asked: None)
    with pytest.raises(ConfigError, match=rf"reporter is '{name}', which is not installed; pip install {name}, or"):
        check_reporter(name)
    check_reporter("none")


def test_tracker_is_driven_by_its_three_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    library = types.ModuleType("trackio")
    for name in ("init", "log", "finish"):
        setattr(library, name, lambda *a, n=name, **k: calls.append((n, a, k)))
    monkeypatch.setitem(sys.modules, "trackio", library)
    tracker = reporter("trackio", tmp_path / "run-7", {"seed": 3})
    assert tracker is not None
    tracker.log(2, {"loss": 1.0})
    tracker.close()
    name = calls[0][2]["name"]
    assert name.startswith("run-7-") and calls == [
        ("init", (), {"project": "stillhouse", "name": name, "config": {"seed": 3}, "resume": "allow"}),
        ("log", ({"loss": 1.0},), {"step": 2}),
        ("finish", (), {}),
    ]
    assert reporter("none", tmp_path, {}) is None


def test_resumed_run_goes_on_with_its_own_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []
    library: Any = types.ModuleType("wandb")
    library.init = lambda id, **rest: ids.append(id)
    monkeypatch.setitem(sys.modules, "wandb", library)
    for run in ("a/run", "a/../a/run", "b/run"):
        reporter("wandb", tmp_path / run, {})
    assert ids[0] == ids[1] != ids[2]


def test_reporter_that_refuses_to_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Error(Exception):
        """As `wandb.Error`: of no standard class."""

    def init(**given: object) -> None:
        raise Error("api_key not configured (no-tty)\ncall wandb.login()")

    library: Any = types.ModuleType("wandb")
    library.Error, library.init = Error, init
    monkeypatch.setitem(sys.modules, "wandb", library)
    with pytest.raises(TrainingError) as caught:
        reporter("wandb", tmp_path / "run", {})
    assert str(caught.value) == (
        "reporter 'wandb' does not start (api_key not configured (no-tty)); log in to it or set reporter=none"
    )


def test_speed_is_the_average_since_the_start() -> None:
    text = io.StringIO()
    with RunProgress(Console(file=text, width=160), 10, 4) as progress:
        progress.step(5, {**line(5), "tokens_per_second": 100.0, "seconds": {"rollout": 5.0, "update": 1.0}})
        progress.step(6, {**line(6), "tokens_per_second": 400.0, "seconds": {"rollout": 0.0, "update": 2.0}})
    assert "175 tok/s" in text.getvalue()


def test_screen_shows_the_figures_and_quiet_shows_none() -> None:
    for quiet in (False, True):
        text = io.StringIO()
        console = Console(file=text, width=160, quiet=quiet)
        with RunProgress(console, 10, 4) as progress:
            progress.token(64)
            progress.step(5, line(5))
        assert ("loss 0.500  kl 0.250  1234 tok/s" in text.getvalue()) == (not quiet)
        assert "5/10" in text.getvalue() or quiet
