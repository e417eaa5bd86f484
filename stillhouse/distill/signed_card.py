"""A model card that is written again may lie in a folder that was signed, and a signature covers every byte of it."""

from collections.abc import Callable
from pathlib import Path

from stillhouse.distill.card import write_card
from stillhouse.distill.signing import SIGNATURE

__all__ = ["rewrite_card"]


def rewrite_card(run: Path, warn: Callable[[str], None]) -> None:
    """`write_card`; `warn` gets one line where the student has a signature and the card is not what it was."""
    student = run / "student"
    card, signature = student / "README.md", student / SIGNATURE
    before = card.read_bytes() if card.exists() else None
    if write_card(run).read_bytes() != before and signature.exists():
        warn(
            f"{signature}: no longer holds, because {card.name} was written again and differs; "
            f"sign again: stillhouse distill sign {student} --key KEY"
        )
