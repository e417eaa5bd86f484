"""Whether a permission to learn from a teacher says anything: one check for every kind of teacher."""

__all__ = ["check_permission"]

# Letters by their class, and blank on every screen.
_FILLERS = "\u115f\u1160\u3164\uffa0"


def check_permission(text: str) -> None:
    """ValueError for a text without a visible letter or digit, and for a plain "no"."""
    seen = "".join(c for c in text if c.isalnum() and c not in _FILLERS)
    if not seen or seen.casefold() == "no":
        found = "empty" if not seen else f"{text!r}"
        raise ValueError(
            f"teacher.permission is {found}; name the licence, or who granted the right to learn from this teacher"
        )
