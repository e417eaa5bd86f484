"""What a person sees while a teacher answers: how far, at what price, with how many failures."""

from rich.console import Console

from stillhouse.distill.live_line import LiveLine
from stillhouse.models.spending import money

__all__ = ["CollectProgress"]


class CollectProgress(LiveLine):
    """Answers out of `items`, of which `done` are on record already. Use as a context manager."""

    def __init__(self, console: Console, items: int, done: int) -> None:
        super().__init__(console, "answers", total=items, done=done)
        self.done, self.failed = done, 0

    def interrupted(self) -> None:
        """Calls under way are waited for."""
        self.update("ending, Ctrl-C again leaves at once")

    def item(self, *, failed: bool, tokens: int, usd: float) -> None:
        """One more item is done; `tokens` and `usd` are what the run has spent so far."""
        self.done += 1
        self.failed += failed
        figures = f"{tokens:,} tokens  {money(usd)} USD" + (f"  {self.failed} failed" if self.failed else "")
        self.update(done=self.done, figures=figures)
