"""What a person sees of a run, and where its figures go besides metrics.jsonl."""

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from stillhouse.distill.live_line import LiveLine
from stillhouse.errors import ConfigError, TrainingError
from stillhouse.records import append_jsonl, write_atomic

__all__ = ["Metrics", "Reporter", "RunProgress", "check_reporter", "reporter"]


class RunProgress(LiveLine):
    """Step, tokens per second, loss, KL. Use as a context manager."""

    def __init__(self, console: Console, steps: int, done: int) -> None:
        super().__init__(console, "training", total=steps, done=done)
        self.written = 0
        self.tokens = self.seconds = 0.0  # of the steps since the start or the resume

    def token(self, count: int) -> None:
        """Tokens written in a rollout phase."""
        self.written += count
        self.update(f"answering {self.written:,} tokens")

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        """An optimiser step is done. The speed shown is the average so far: one step in several pays for a rollout."""
        seconds = sum(metrics["seconds"].values())
        self.seconds += seconds
        self.tokens += metrics["tokens_per_second"] * seconds
        kl = metrics.get("kl")
        figures = f"loss {metrics['loss']:.3f}" + (f"  kl {kl:.3f}" if kl is not None else "")
        figures += f"  {self.tokens / self.seconds:.0f} tok/s"
        self.update("training", step, figures)


class Reporter(Protocol):
    """Somewhere else that figures go."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


def check_reporter(name: str) -> None:
    """ConfigError with the install command if the library of a reporter is absent. Makes and starts nothing."""
    if name != "none" and importlib.util.find_spec(name) is None:
        raise ConfigError(f"reporter is '{name}', which is not installed; pip install {name}, or reporter=none")


def reporter(name: str, run: Path, settings: Mapping[str, Any]) -> Reporter | None:
    """The reporter that a config names, started. TrainingError if its library refuses to start."""
    match name:
        case "none":
            return None
        case "tensorboard":
            return _TensorBoard(run)
    return _Tracker(name, run, settings)


class _TensorBoard:
    """Makes its folder at the first figure, so that it can be started before the run has one."""

    def __init__(self, run: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # imported here: an optional library

        self.make, self.folder = SummaryWriter, run / "tensorboard"
        self.writer: Any = None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.writer = self.writer or self.make(str(self.folder))
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class _Tracker:
    """wandb and trackio: one interface, `init`, `log`, `finish`.

    The place of the run names it, so that a resumed run goes on with the curves that it began.
    """

    def __init__(self, name: str, run: Path, settings: Mapping[str, Any]) -> None:
        self.library = importlib.import_module(name)
        mark = hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:12]
        known = {"id": mark} if name == "wandb" else {}  # trackio knows a run by its name alone
        refusals = (OSError, ValueError, RuntimeError, getattr(self.library, "Error", RuntimeError))
        try:
            self.library.init(
                project="stillhouse", name=f"{run.name}-{mark}", config=dict(settings), resume="allow", **known
            )
        except refusals as error:
            reason = str(error).strip().partition("\n")[0]
            raise TrainingError(
                f"reporter '{name}' does not start ({reason}); log in to it or set reporter=none"
            ) from error

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.library.log(dict(metrics), step=step)

    def close(self) -> None:
        self.library.finish()


class Metrics:
    """metrics.jsonl: one object per optimiser step. Lines after the resumed step are dropped first."""

    def __init__(self, path: Path, step: int, extra: Reporter | None) -> None:
        self.path, self.extra = path, extra
        kept = []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
                # A kill can leave half a line at the end; it belongs to a step that will be done again.
                if not line.endswith("\n") or json.loads(line)["step"] > step:
                    break
                kept.append(line)
        write_atomic(path, "".join(kept))

    def log(self, metrics: Mapping[str, Any]) -> None:
        append_jsonl(self.path, metrics)
        if self.extra is not None:
            flat = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float)}
            flat |= {f"seconds/{k}": float(v) for k, v in metrics.get("seconds", {}).items()}
            self.extra.log(int(metrics["step"]), flat)

    def close(self) -> None:
        if self.extra is not None:
            self.extra.close()
