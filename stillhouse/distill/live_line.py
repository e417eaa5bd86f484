"""How far long work is, for a person who looks: one line that moves, or in a log file a plain line a minute."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["LiveLine"]

_SECONDS = 60.0


class LiveLine:
    """What is being done, how much of `total`, figures, time taken and left. Silent on a console that is quiet.

    Where `console` is no terminal, each minute that something changed in has a line, and the end has one.
    """

    def __init__(
        self,
        console: Console,
        what: str,
        *,
        total: int,
        done: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.clock = console, clock
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            refresh_per_second=4,
        )
        self.task = self.bar.add_task(what, total=total, completed=done, figures="")
        self.told = clock()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self, what: str | None = None, done: int | None = None, figures: str | None = None) -> None:
        """Change what is not None."""
        self.bar.update(self.task, description=what, completed=done)
        if figures is not None:
            self.bar.update(self.task, figures=figures)
        if not self.console.is_terminal and self.clock() - self.told >= _SECONDS:
            self.told = self.clock()
            task = self.bar.tasks[self.task]
            line = f"{task.description} {task.completed:.0f}/{task.total:.0f}  {task.fields['figures']}".rstrip()
            self.console.print(escape(line), highlight=False)
