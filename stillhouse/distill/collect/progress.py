"""What a person sees while a teacher answers: how far, at what price, with how many failures."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["CollectProgress"]


class CollectProgress:
    """One live line on `console`, silent on a quiet one. Use as a context manager."""

    def __init__(self, console: Console, items: int, done: int) -> None:
        self.done, self.failed = done, 0
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,
        )
        self.task = self.bar.add_task("answers", total=items, completed=done, figures="")

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def interrupted(self) -> None:
        """Calls under way are waited for."""
        self.bar.update(self.task, description="ending, Ctrl-C again leaves at once")

    def item(self, *, failed: bool, tokens: int, usd: float) -> None:
        """One more item is done; `tokens` and `usd` are what the run has spent so far."""
        self.done += 1
        self.failed += failed
        figures = f"{tokens:,} tokens  {usd:.4f} USD" + (f"  {self.failed} failed" if self.failed else "")
        self.bar.update(self.task, completed=self.done, figures=figures)
