"""Amounts as people read them: durations, counts, FLOPs."""

__all__ = ["count_text", "duration_text", "flops_text", "parameters_text"]

_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def duration_text(seconds: float) -> str:
    """`8.4 s`, `5 min 12 s`, `3 h 07 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count_text(count: float) -> str:
    """A whole number with thousands commas."""
    return f"{round(count):,}"


def flops_text(flops: float) -> str:
    """`1.03 PFLOP`: a number of operations, to three digits."""
    for size, prefix in _PREFIXES:
        if flops >= size:
            return f"{flops / size:.3g} {prefix}FLOP"
    return f"{flops:.0f} FLOP"


def parameters_text(parameters: int) -> str:
    """`134.5 M`, `1.54 B`."""
    if parameters >= 10**9:
        return f"{parameters / 1e9:.2f} B"
    return f"{parameters / 1e6:.1f} M"
