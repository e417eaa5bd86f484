"""A permission to learn from a teacher that says something: one type for every kind of teacher."""

from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["Permission", "check_permission"]

# Letters by their class, and blank on every screen.
_FILLERS = "\u115f\u1160\u3164\uffa0"


def check_permission(value: object) -> str:
    """`value`; ValueError for what is no text, has no visible letter or digit, or is a plain "no"."""
    if isinstance(value, str):
        seen = "".join(c for c in value if c.isalnum() and c not in _FILLERS)
        if seen and seen.casefold() != "no":
            return value
    raise ValueError("name the licence, or who granted the right to learn from this teacher")


Permission = Annotated[str, BeforeValidator(check_permission)]
